// 64 bytes there and back, one at a time: over streams, packets and datagrams. The client blocks; the server's epoll is,
// measured, as fast as a server that blocks in recv.
#include "features.h"

#include <errno.h>
#include <string.h>
#include <sys/time.h>

#include "accepting.h"
#include "clock.h"
#include "failure.h"
#include "latencies.h"
#include "loop.h"
#include "runs.h"
#include "tally.h"
#include "workloads.h"

enum { LARGEST = 65536, ANSWER_TIMEOUT_SECONDS = 5 };

static struct tally tally;
static char buffer[LARGEST];

static void report(void *context) {
  (void)context;
  const struct result result = take_tally(&tally);
  say_result(&result);
}

static void echo_to_connection(struct watch *connection) {
  const ssize_t count = recv(connection->fd, buffer, sizeof buffer, 0);
  if (count <= 0) {
    drop_if_over(connection, count);
    return;
  }
  if (send_all(connection->fd, buffer, (size_t)count)) tally_add(&tally, (uint64_t)count);
  else drop_connection(connection);
}

void echo_server(const struct workload *workload) {
  tally = start_tally(workload->size);
  accept_all(workload->transport, echo_to_connection);
  serve(report, NULL);
}

// One message a turn: with one in flight there is no second one to look for.
static void echo_to_sender(struct watch *socket) {
  struct sockaddr_storage sender;
  socklen_t length = sizeof sender;
  const ssize_t count = recvfrom(socket->fd, buffer, sizeof buffer, 0, (struct sockaddr *)&sender, &length);
  if (count < 0) {
    if (would_block() || errno == EINTR) return;
    fail_errno("recvfrom");
  }
  if (sendto(socket->fd, buffer, (size_t)count, 0, (struct sockaddr *)&sender, length) != count) fail_errno("sendto");
  tally_add(&tally, 1);
}

void datagram_echo_server(const struct workload *workload) {
  char address[ADDRESS_SIZE];
  struct watch socket = {open_server(workload->transport, address), echo_to_sender};
  tally = start_tally(1);
  watch_add(&socket);
  say_address(address);
  serve(report, NULL);
}

struct caller {
  int fd;
  size_t size;
};

static void receive_answer(const struct caller *caller) {
  size_t received = 0;
  while (received < caller->size) {
    const ssize_t count = recv(caller->fd, buffer, caller->size - received, 0);
    if (count > 0) received += (size_t)count;
    else if (count == 0) fail("the server closed the connection");
    else if (would_block()) fail("no answer came in %d seconds", ANSWER_TIMEOUT_SECONDS);
    else if (errno != EINTR) fail_errno("recv");
  }
}

static void run(void *context, double seconds, struct result *result) {
  static char message[LARGEST];
  static struct latencies trips;
  const struct caller *caller = context;
  memset(message, 'x', caller->size);
  latencies_clear(&trips);
  const double cpu = cpu_seconds();
  const double started = now();
  double sent = started;
  while (sent < started + seconds) {
    send_to_server(caller->fd, message, caller->size);
    receive_answer(caller);
    const double answered = now();
    latencies_add(&trips, answered - sent);
    sent = answered;
  }
  result->units = (double)trips.count;
  result->seconds = sent - started;
  result->cpu = cpu_seconds() - cpu;
  result->p50 = latencies_percentile(&trips, 0.50) * 1000;
  result->p99 = latencies_percentile(&trips, 0.99) * 1000;
}

void echo_client(const struct workload *workload, const char *address) {
  struct caller caller = {open_client(workload->transport, address), workload->size};
  const struct timeval timeout = {.tv_sec = ANSWER_TIMEOUT_SECONDS};
  if (setsockopt(caller.fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout) < 0) fail_errno("SO_RCVTIMEO");
  answer_runs(run, &caller);
}
