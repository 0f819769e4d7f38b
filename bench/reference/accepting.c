#include "features.h"

#include "accepting.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "failure.h"
#include "protocol.h"

struct listener {
  struct watch watch;
  enum transport transport;
  void (*on_readable)(struct watch *connection);
};

static void on_connection(struct watch *watch) {
  const struct listener *listener = (struct listener *)watch;
  int fd;
  while ((fd = accept_connection(watch->fd, listener->transport)) >= 0) {
    struct watch *connection = malloc(sizeof *connection);
    if (connection == NULL) fail_errno("malloc");
    *connection = (struct watch){fd, listener->on_readable};
    watch_add(connection);
  }
}

void accept_all(enum transport transport, void (*on_readable)(struct watch *connection)) {
  static struct listener listener;
  char address[ADDRESS_SIZE];
  listener = (struct listener){{open_server(transport, address), on_connection}, transport, on_readable};
  watch_add(&listener.watch);
  say_address(address);
}

void drop_connection(struct watch *connection) {
  close(connection->fd);
  free(connection);
}

void drop_if_over(struct watch *connection, ssize_t received) {
  if (received == 0 || errno == ECONNRESET) drop_connection(connection);
  else if (!would_block() && errno != EINTR) fail_errno("recv");
}
