// reference server WORKLOAD | reference client WORKLOAD ADDRESS: one side of one of the bench's workloads.
#include "features.h"

#include <signal.h>
#include <string.h>
#include <sys/resource.h>

#include "failure.h"
#include "workloads.h"

static const struct workload workloads[] = {
    {"unix-stream-64k", UNIX_STREAM, 65536, 1, stream_server, stream_client},
    {"tcp-stream-64k", TCP, 65536, 1, stream_server, stream_client},
    {"unix-stream-100", UNIX_STREAM, 100, 100, stream_server, stream_client},
    {"tcp-stream-100", TCP, 100, 100, stream_server, stream_client},
    {"unix-echo", UNIX_STREAM, 64, 64, echo_server, echo_client},
    {"tcp-echo", TCP, 64, 64, echo_server, echo_client},
    {"unixpacket-echo", UNIX_SEQPACKET, 64, 64, echo_server, echo_client},
    {"udp-echo", UDP, 64, 64, datagram_echo_server, echo_client},
    {"udp-64", UDP, 64, 64, datagram_server, datagram_client},
    {"udp-1200", UDP, 1200, 1200, datagram_server, datagram_client},
    {"unixgram-256", UNIX_DGRAM, 256, 256, datagram_server, datagram_client},
    {"unix-connections", UNIX_STREAM, 1, 1, connection_server, connection_client},
    {"tcp-connections", TCP, 1, 1, connection_server, connection_client},
    {"relay-sink", UNIX_STREAM, 65536, 1, stream_server, NULL},
    {"relay-source", TCP, 65536, 1, NULL, relay_client},
};

static const struct workload *find_workload(const char *name) {
  for (size_t at = 0; at < sizeof workloads / sizeof *workloads; at++) {
    if (strcmp(workloads[at].name, name) == 0) return &workloads[at];
  }
  fail("no workload is called %s", name);
}

// Thousands of connections need more descriptors than the soft limit usually has.
static void raise_descriptor_limit(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

int main(int count, char **arguments) {
  const char *role = count > 2 ? arguments[1] : "";
  const struct workload *workload = count > 2 ? find_workload(arguments[2]) : NULL;
  signal(SIGPIPE, SIG_IGN);
  raise_descriptor_limit();
  if (strcmp(role, "server") == 0 && count == 3 && workload->server != NULL) workload->server(workload);
  else if (strcmp(role, "client") == 0 && count == 4 && workload->client != NULL) workload->client(workload, arguments[3]);
  else fail("usage: reference server WORKLOAD | reference client WORKLOAD ADDRESS");
  return 0;
}
