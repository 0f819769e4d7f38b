#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

enum transport { TCP, UDP, UNIX_STREAM, UNIX_SEQPACKET, UNIX_DGRAM };

enum { ADDRESS_SIZE = 128 };

// A non-blocking socket bound to a free port of 127.0.0.1 or to a path in the working directory, which is removed when
// the process ends; it listens, unless its messages need no connection. `address` gets what the client connects to:
// the port, or the path.
int open_server(enum transport transport, char address[ADDRESS_SIZE]);

// A blocking socket, connected.
int open_client(enum transport transport, const char *address);

// The next connection, non-blocking; -1 when none waits.
int accept_connection(int listener, enum transport transport);

uint16_t local_port(int fd);

void make_non_blocking(int fd);

// Sends all of it, however often the socket takes only a part, and whether or not it blocks. False if the peer is gone.
bool send_all(int fd, const void *data, size_t size);

// Whether a call that failed is to be tried again when the socket is ready.
bool would_block(void);
