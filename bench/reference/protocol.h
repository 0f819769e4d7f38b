#pragma once

#include <stdbool.h>

// The lines between the bench and a side: commands come on stdin, JSON objects go out on stdout.

#define ABSENT (-1.0)

// What a side did. A member that is ABSENT is left out of the line.
struct result {
  double units;
  double seconds;
  double cpu;      // seconds
  double p50;      // milliseconds
  double p99;      // milliseconds
  double sent;
  double dropped;
};

struct result no_result(void);

// {"address":"..."}: a server says where it listens.
void say_address(const char *address);

// {"ready":true}: a client is connected.
void say_ready(void);

void say_result(const struct result *result);

// Reads once from stdin and hands over every line that is complete, without its newline. False at the end of stdin.
bool read_commands(void (*on_command)(void *context, const char *line), void *context);
