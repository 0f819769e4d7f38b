#pragma once

#include <stddef.h>

#include "sockets.h"

// One workload of the bench: its name, what it runs over, and its two sides. Each side runs until stdin ends.
struct workload {
  const char *name;
  enum transport transport;
  size_t size;  // of one message, bytes
  size_t unit;  // of what the server of a stream counts, bytes
  void (*server)(const struct workload *workload);
  void (*client)(const struct workload *workload, const char *address);
};

void stream_server(const struct workload *workload);
void stream_client(const struct workload *workload, const char *address);

void echo_server(const struct workload *workload);
void datagram_echo_server(const struct workload *workload);
void echo_client(const struct workload *workload, const char *address);

void datagram_server(const struct workload *workload);
void datagram_client(const struct workload *workload, const char *address);

void connection_server(const struct workload *workload);
void connection_client(const struct workload *workload, const char *address);

// ADDRESS is PORT:COUNT, the relay's port and how many connections to open.
void relay_client(const struct workload *workload, const char *address);
