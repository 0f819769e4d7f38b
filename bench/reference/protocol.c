#include "features.h"

#include "protocol.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "failure.h"

struct result no_result(void) {
  return (struct result){ABSENT, ABSENT, ABSENT, ABSENT, ABSENT, ABSENT, ABSENT};
}

// Whoever reads us may be gone: then there is nobody left to tell, and stdin ends, too.
static void end_line(void) {
  putchar('\n');
  fflush(stdout);
}

void say_address(const char *address) {
  // Ports and our own paths; only these two characters of a path could break the string.
  printf("{\"address\":\"");
  for (; *address; address++) {
    if (*address == '"' || *address == '\\') putchar('\\');
    putchar(*address);
  }
  printf("\"}");
  end_line();
}

void say_ready(void) {
  printf("{\"ready\":true}");
  end_line();
}

static void say_member(const char *name, int decimals, double value, const char **separator) {
  if (value == ABSENT) return;
  printf("%s\"%s\":%.*f", *separator, name, decimals, value);
  *separator = ",";
}

void say_result(const struct result *result) {
  const char *separator = "{";
  say_member("units", 0, result->units, &separator);
  say_member("seconds", 9, result->seconds, &separator);
  say_member("cpu", 6, result->cpu, &separator);
  say_member("p50", 6, result->p50, &separator);
  say_member("p99", 6, result->p99, &separator);
  say_member("sent", 0, result->sent, &separator);
  say_member("dropped", 0, result->dropped, &separator);
  putchar('}');
  end_line();
}

bool read_commands(void (*on_command)(void *context, const char *line), void *context) {
  static char pending[256];
  static size_t length;
  if (length == sizeof pending) fail("a command longer than %zu bytes", sizeof pending);
  const ssize_t count = read(STDIN_FILENO, pending + length, sizeof pending - length);
  if (count < 0) {
    if (errno == EINTR) return true;
    fail_errno("read of stdin");
  }
  if (count == 0) return false;
  length += (size_t)count;
  char *newline;
  while ((newline = memchr(pending, '\n', length)) != NULL) {
    *newline = '\0';
    on_command(context, pending);
    const size_t taken = (size_t)(newline - pending) + 1;
    length -= taken;
    memmove(pending, newline + 1, length);
  }
  return true;
}
