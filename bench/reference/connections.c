// Connect, one byte, close, 32 at a time. The server closes first, when it has the byte. Looking for the byte as soon as
// the connection is accepted, without epoll, is not faster.
#include "features.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "accepting.h"
#include "clock.h"
#include "failure.h"
#include "loop.h"
#include "runs.h"
#include "tally.h"
#include "workloads.h"

enum { AT_A_TIME = 32 };

static struct tally tally;

static void report(void *context) {
  (void)context;
  const struct result result = take_tally(&tally);
  say_result(&result);
}

static void on_byte(struct watch *connection) {
  char byte;
  const ssize_t count = recv(connection->fd, &byte, 1, 0);
  if (count > 0) {
    tally_add(&tally, 1);
    drop_connection(connection);
  } else {
    drop_if_over(connection, count);
  }
}

void connection_server(const struct workload *workload) {
  tally = start_tally(1);
  accept_all(workload->transport, on_byte);
  serve(report, NULL);
}

struct caller {
  int epoll;
  enum transport transport;
  const char *address;
};

// connect() does not wait for the server to accept: a place in its queue is enough.
static void open_next(const struct caller *caller) {
  const int fd = open_client(caller->transport, caller->address);
  send_to_server(fd, "x", 1);
  struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
  if (epoll_ctl(caller->epoll, EPOLL_CTL_ADD, fd, &event) < 0) fail_errno("epoll_ctl");
}

static void expect_end(int fd) {
  char byte;
  const ssize_t count = recv(fd, &byte, 1, 0);
  if (count < 0) fail_errno("recv");
  if (count > 0) fail("the server sent something");
  close(fd);
}

static void run(void *context, double seconds, struct result *result) {
  const struct caller *caller = context;
  const double end = now() + seconds;
  uint64_t connections = 0;
  int open = 0;
  for (; open < AT_A_TIME; open++) open_next(caller);
  while (open > 0) {
    struct epoll_event events[AT_A_TIME];
    const int count = epoll_wait(caller->epoll, events, AT_A_TIME, -1);
    if (count < 0 && errno != EINTR) fail_errno("epoll_wait");
    const int running = now() < end;
    for (int at = 0; at < count; at++) {
      expect_end(events[at].data.fd);
      connections++;
      if (running) open_next(caller);
      else open--;
    }
  }
  result->units = (double)connections;
}

void connection_client(const struct workload *workload, const char *address) {
  struct caller caller = {epoll_create1(EPOLL_CLOEXEC), workload->transport, address};
  if (caller.epoll < 0) fail_errno("epoll_create1");
  answer_runs(run, &caller);
}
