#include "features.h"

#include "runs.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "failure.h"
#include "sockets.h"

struct client {
  void (*run)(void *context, double seconds, struct result *result);
  void *context;
};

static double parse_seconds(const char *line) {
  const char *prefix = "run ";
  char *end = NULL;
  const double milliseconds = strncmp(line, prefix, strlen(prefix)) == 0 ? strtod(line + strlen(prefix), &end) : 0;
  if (end == NULL || *end != '\0' || !(milliseconds > 0)) fail("a client knows the command run MILLISECONDS, not: %s", line);
  return milliseconds / 1000;
}

static void on_command(void *context, const char *line) {
  const struct client *client = context;
  const double seconds = parse_seconds(line);
  const double started = now();
  const double cpu = cpu_seconds();
  struct result result = no_result();
  client->run(client->context, seconds, &result);
  if (result.seconds == ABSENT) result.seconds = now() - started;
  if (result.cpu == ABSENT) result.cpu = cpu_seconds() - cpu;
  say_result(&result);
}

void answer_runs(void (*run)(void *context, double seconds, struct result *result), void *context) {
  struct client client = {run, context};
  say_ready();
  while (read_commands(on_command, &client)) continue;
}

void send_to_server(int fd, const void *data, size_t size) {
  if (!send_all(fd, data, size)) fail("the server closed the connection");
}
