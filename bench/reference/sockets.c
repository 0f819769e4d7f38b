#include "features.h"

#include "sockets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "failure.h"

struct name {
  union {
    struct sockaddr any;
    struct sockaddr_in inet;
    struct sockaddr_un local;
  };
  socklen_t length;
};

static char bound_path[sizeof((struct sockaddr_un *)0)->sun_path];

static bool is_inet(enum transport transport) { return transport == TCP || transport == UDP; }

static bool listens(enum transport transport) { return transport != UDP && transport != UNIX_DGRAM; }

static int open_socket(enum transport transport) {
  static const int types[] = {
      [TCP] = SOCK_STREAM,
      [UDP] = SOCK_DGRAM,
      [UNIX_STREAM] = SOCK_STREAM,
      [UNIX_SEQPACKET] = SOCK_SEQPACKET,
      [UNIX_DGRAM] = SOCK_DGRAM,
  };
  const int fd = socket(is_inet(transport) ? AF_INET : AF_UNIX, types[transport] | SOCK_CLOEXEC, 0);
  if (fd < 0) fail_errno("socket");
  return fd;
}

static struct name loopback(uint16_t port) {
  struct name name = {.length = sizeof name.inet};
  name.inet = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port)};
  name.inet.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return name;
}

static struct name path_name(const char *path) {
  struct name name = {.length = sizeof name.local};
  name.local = (struct sockaddr_un){.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof name.local.sun_path) fail("the path is too long for a socket: %s", path);
  strcpy(name.local.sun_path, path);
  return name;
}

static struct name parse_address(enum transport transport, const char *address) {
  if (!is_inet(transport)) return path_name(address);
  char *end;
  const unsigned long port = strtoul(address, &end, 10);
  if (end == address || *end != '\0' || port == 0 || port > 65535) fail("no port: %s", address);
  return loopback((uint16_t)port);
}

static void unlink_bound_path(void) { unlink(bound_path); }

static void end_by_signal(int number) {
  unlink_bound_path();
  _exit(128 + number);
}

static void unlink_at_end(const char *path) {
  strcpy(bound_path, path);
  atexit(unlink_bound_path);
  const struct sigaction action = {.sa_handler = end_by_signal};
  sigaction(SIGTERM, &action, NULL);
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGHUP, &action, NULL);
}

static void bind_to_path(int fd, char address[ADDRESS_SIZE]) {
  char directory[ADDRESS_SIZE];
  if (getcwd(directory, sizeof directory) == NULL) fail_errno("getcwd");
  const int length = snprintf(address, ADDRESS_SIZE, "%s/reference-%d.sock", directory, (int)getpid());
  if (length >= ADDRESS_SIZE) fail("the path is too long for a socket: %s", directory);
  const struct name name = path_name(address);
  // Left by a process of our number that was killed.
  unlink(address);
  if (bind(fd, &name.any, name.length) < 0) fail_errno(address);
  unlink_at_end(address);
}

static void bind_to_port(int fd, char address[ADDRESS_SIZE]) {
  const struct name name = loopback(0);
  if (bind(fd, &name.any, name.length) < 0) fail_errno("bind to 127.0.0.1");
  snprintf(address, ADDRESS_SIZE, "%u", local_port(fd));
}

int open_server(enum transport transport, char address[ADDRESS_SIZE]) {
  const int fd = open_socket(transport);
  make_non_blocking(fd);
  if (is_inet(transport)) bind_to_port(fd, address);
  else bind_to_path(fd, address);
  if (listens(transport) && listen(fd, SOMAXCONN) < 0) fail_errno("listen");
  return fd;
}

static void send_at_once(int fd) {
  const int on = 1;
  if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) < 0) fail_errno("TCP_NODELAY");
}

int open_client(enum transport transport, const char *address) {
  const int fd = open_socket(transport);
  if (transport == TCP) send_at_once(fd);
  const struct name name = parse_address(transport, address);
  if (connect(fd, &name.any, name.length) < 0) fail_errno(address);
  return fd;
}

int accept_connection(int listener, enum transport transport) {
  for (;;) {
    const int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      if (transport == TCP) send_at_once(fd);
      return fd;
    }
    if (would_block()) return -1;
    // One that was given up while it waited.
    if (errno != EINTR && errno != ECONNABORTED) fail_errno("accept");
  }
}

uint16_t local_port(int fd) {
  struct name name = {.length = sizeof name.inet};
  if (getsockname(fd, &name.any, &name.length) < 0) fail_errno("getsockname");
  return ntohs(name.inet.sin_port);
}

void make_non_blocking(int fd) {
  if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0) fail_errno("O_NONBLOCK");
}

bool send_all(int fd, const void *data, size_t size) {
  const char *rest = data;
  while (size > 0) {
    const ssize_t count = send(fd, rest, size, MSG_NOSIGNAL);
    if (count >= 0) {
      rest += count;
      size -= (size_t)count;
    } else if (would_block()) {
      poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, -1);
    } else if (errno == EPIPE || errno == ECONNRESET) {
      return false;
    } else if (errno != EINTR) {
      fail_errno("send");
    }
  }
  return true;
}

bool would_block(void) { return errno == EAGAIN || errno == EWOULDBLOCK; }
