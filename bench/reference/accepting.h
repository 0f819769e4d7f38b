#pragma once

#include "loop.h"
#include "sockets.h"

// Opens the server of a transport with connections, says its address, and accepts whoever comes. `on_readable` is
// called with each connection that has something to read; it may drop it.
void accept_all(enum transport transport, void (*on_readable)(struct watch *connection));

// Closes a connection and forgets it.
void drop_connection(struct watch *connection);

// What a receive of nothing (0) or a failed one (-1) means: the end of the connection, which is dropped, or nothing yet.
void drop_if_over(struct watch *connection, ssize_t received);
