// The source of a relay's load: many connections, all kept full, level-triggered, one write a turn for each that has
// room. They stay open from one run to the next. The relay's sink is the server of a Unix stream.
#include "features.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "clock.h"
#include "failure.h"
#include "runs.h"
#include "workloads.h"

enum { EVENTS_A_TURN = 256 };

struct source {
  int epoll;
  size_t chunk_size;
  char *chunk;
};

static size_t write_chunk(const struct source *source, int fd) {
  const ssize_t count = send(fd, source->chunk, source->chunk_size, MSG_NOSIGNAL);
  if (count >= 0) return (size_t)count;
  if (!would_block() && errno != EINTR) fail_errno("send");
  return 0;
}

static void run(void *context, double seconds, struct result *result) {
  const struct source *source = context;
  const double end = now() + seconds;
  uint64_t sent = 0;
  double left = seconds;
  do {
    struct epoll_event events[EVENTS_A_TURN];
    const int count = epoll_wait(source->epoll, events, EVENTS_A_TURN, (int)(left * 1000) + 1);
    if (count < 0 && errno != EINTR) fail_errno("epoll_wait");
    for (int at = 0; at < count; at++) sent += write_chunk(source, events[at].data.fd);
    left = end - now();
  } while (left > 0);
  result->units = result->sent = (double)sent;
}

// ADDRESS is PORT:COUNT.
static unsigned long split_address(const char *address, char port[ADDRESS_SIZE]) {
  const char *colon = strchr(address, ':');
  char *end = NULL;
  const unsigned long count = colon == NULL ? 0 : strtoul(colon + 1, &end, 10);
  if (count == 0 || *end != '\0') fail("the address of a relay-source is PORT:COUNT, not %s", address);
  snprintf(port, ADDRESS_SIZE, "%.*s", (int)(colon - address), address);
  return count;
}

void relay_client(const struct workload *workload, const char *address) {
  char port[ADDRESS_SIZE];
  const unsigned long connections = split_address(address, port);
  struct source source = {epoll_create1(EPOLL_CLOEXEC), workload->size, malloc(workload->size)};
  if (source.epoll < 0) fail_errno("epoll_create1");
  if (source.chunk == NULL) fail_errno("malloc");
  memset(source.chunk, 'x', source.chunk_size);
  for (unsigned long at = 0; at < connections; at++) {
    const int fd = open_client(workload->transport, port);
    make_non_blocking(fd);
    struct epoll_event event = {.events = EPOLLOUT, .data.fd = fd};
    if (epoll_ctl(source.epoll, EPOLL_CTL_ADD, fd, &event) < 0) fail_errno("epoll_ctl");
  }
  answer_runs(run, &source);
}
