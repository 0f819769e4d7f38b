#pragma once

// A server waits for its sockets and for commands at once, by epoll, level-triggered: one call each turn for each that
// is ready.

struct watch {
  int fd;
  void (*on_readable)(struct watch *watch);
};

void watch_add(struct watch *watch);

// Runs until stdin ends. `on_report` answers the command `report`.
void serve(void (*on_report)(void *context), void *context);
