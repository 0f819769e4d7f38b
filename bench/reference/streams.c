// One way over a stream, as fast as it goes: the client writes, the server counts what arrives on all its connections.
#include "features.h"

#include <string.h>

#include "accepting.h"
#include "clock.h"
#include "loop.h"
#include "runs.h"
#include "tally.h"
#include "workloads.h"

// Measured: one receive buffer, used again and again, serves as well with 64 KiB as with 1 MiB, since a Unix socket
// seldom holds more than 200 KiB; buffers whose pages are new at each receive make it two to six times slower. epoll and
// blocking calls do not differ. Small messages copied into one buffer go 1.6 times as fast as by writev, and 1.1 times as
// fast with 256 KiB of them as with 64.
enum { LARGEST_MESSAGE = 64 * 1024, RECEIVE_BUFFER = 256 * 1024, GATHER_BUFFER = 256 * 1024 };

static struct tally tally;
static char received[RECEIVE_BUFFER];
static char message[LARGEST_MESSAGE];

static void on_data(struct watch *connection) {
  const ssize_t count = recv(connection->fd, received, sizeof received, 0);
  if (count > 0) tally_add(&tally, (uint64_t)count);
  else drop_if_over(connection, count);
}

static void report(void *context) {
  (void)context;
  const struct result result = take_tally(&tally);
  say_result(&result);
}

void stream_server(const struct workload *workload) {
  tally = start_tally(workload->unit);
  accept_all(workload->transport, on_data);
  serve(report, NULL);
}

struct source {
  int fd;
  size_t size;
  size_t unit;
};

// Small messages are gathered: each is copied behind the last one, and a full buffer goes out by one send.
static uint64_t send_gathered(const struct source *source) {
  static char gathered[GATHER_BUFFER];
  const size_t messages = sizeof gathered / source->size;
  for (size_t at = 0; at < messages; at++) memcpy(gathered + at * source->size, message, source->size);
  send_to_server(source->fd, gathered, messages * source->size);
  return messages * source->size;
}

static uint64_t send_one(const struct source *source) {
  send_to_server(source->fd, message, source->size);
  return source->size;
}

static void run(void *context, double seconds, struct result *result) {
  const struct source *source = context;
  uint64_t (*const send_next)(const struct source *source) = source->size < LARGEST_MESSAGE ? send_gathered : send_one;
  const double end = now() + seconds;
  uint64_t sent = 0;
  do sent += send_next(source);
  while (now() < end);
  result->units = result->sent = (double)(sent / source->unit);
}

void stream_client(const struct workload *workload, const char *address) {
  struct source source = {open_client(workload->transport, address), workload->size, workload->unit};
  memset(message, 'x', sizeof message);
  answer_runs(run, &source);
}
