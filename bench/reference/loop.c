#include "features.h"

#include "loop.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "failure.h"
#include "protocol.h"

enum { EVENTS_A_TURN = 256 };

struct commands {
  void (*on_report)(void *context);
  void *context;
};

static int epoll(void) {
  static int fd = -1;
  if (fd < 0 && (fd = epoll_create1(EPOLL_CLOEXEC)) < 0) fail_errno("epoll_create1");
  return fd;
}

void watch_add(struct watch *watch) {
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = watch};
  if (epoll_ctl(epoll(), EPOLL_CTL_ADD, watch->fd, &event) < 0) fail_errno("epoll_ctl");
}

static void on_command(void *context, const char *line) {
  const struct commands *commands = context;
  if (strcmp(line, "report") != 0) fail("a server knows the command report, not: %s", line);
  commands->on_report(commands->context);
}

void serve(void (*on_report)(void *context), void *context) {
  struct commands commands = {on_report, context};
  struct watch input = {.fd = STDIN_FILENO};
  watch_add(&input);
  for (;;) {
    struct epoll_event events[EVENTS_A_TURN];
    const int count = epoll_wait(epoll(), events, EVENTS_A_TURN, -1);
    if (count < 0 && errno != EINTR) fail_errno("epoll_wait");
    bool asked = false;
    for (int at = 0; at < count; at++) {
      struct watch *watch = events[at].data.ptr;
      if (watch == &input) asked = true;
      else watch->on_readable(watch);
    }
    // After the sockets, so that a report has all that arrived before it was asked for.
    if (asked && !read_commands(on_command, &commands)) return;
  }
}
