// The receiver of messages that go one way: recvmmsg, with UDP_GRO where the system has it.
#include "features.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdbool.h>
#include <string.h>

#include "failure.h"
#include "loop.h"
#include "segments.h"
#include "tally.h"
#include "udp-drops.h"
#include "workloads.h"

// Measured: batches of 4, 16 and 64 do not differ; with UDP_GRO and UDP_SEGMENT 64 B go 50 times as fast as without.
enum { BATCH = 16, LARGEST = 65536, CONTROL = CMSG_SPACE(sizeof(int)) };

struct receiver {
  struct watch watch;
  uint16_t port;  // of UDP; else 0
  size_t messages_a_drop;
  uint64_t drops;
};

static struct tally tally;
static char data[BATCH][LARGEST];
static _Alignas(struct cmsghdr) char control[BATCH][CONTROL];
static struct iovec parts[BATCH];
static struct mmsghdr messages[BATCH];

static void prepare(struct msghdr *header, size_t at) {
  parts[at] = (struct iovec){data[at], LARGEST};
  *header = (struct msghdr){.msg_iov = &parts[at], .msg_iovlen = 1, .msg_control = control[at], .msg_controllen = CONTROL};
}

// The kernel says how long each message is when it has joined some; the last one may be shorter.
static size_t count_messages(struct mmsghdr *received) {
  const struct cmsghdr *ancillary = CMSG_FIRSTHDR(&received->msg_hdr);
  if (ancillary == NULL || ancillary->cmsg_level != SOL_UDP || ancillary->cmsg_type != UDP_GRO) return 1;
  int size;
  memcpy(&size, CMSG_DATA(ancillary), sizeof size);
  return (received->msg_len + (unsigned)size - 1) / (unsigned)size;
}

static void on_messages(struct watch *watch) {
  int count;
  do {
    for (size_t at = 0; at < BATCH; at++) messages[at].msg_hdr.msg_controllen = CONTROL;
    count = recvmmsg(watch->fd, messages, BATCH, 0, NULL);
    if (count < 0) {
      if (would_block() || errno == EINTR) return;
      fail_errno("recvmmsg");
    }
    size_t sum = 0;
    for (int at = 0; at < count; at++) sum += count_messages(&messages[at]);
    tally_add(&tally, sum);
  } while (count == BATCH);
}

static void report(void *context) {
  struct receiver *receiver = context;
  struct result result = take_tally(&tally);
  if (receiver->port != 0) {
    const uint64_t drops = udp_drops(receiver->port);
    result.dropped = (double)((drops - receiver->drops) * receiver->messages_a_drop);
    receiver->drops = drops;
  }
  say_result(&result);
}

// Joined messages are dropped together, and the kernel counts them as one.
static size_t ask_for_joined(int fd, size_t size) {
  const int on = 1;
  return setsockopt(fd, SOL_UDP, UDP_GRO, &on, sizeof on) == 0 ? messages_a_packet(size) : 1;
}

void datagram_server(const struct workload *workload) {
  char address[ADDRESS_SIZE];
  struct receiver receiver = {.watch = {open_server(workload->transport, address), on_messages}};
  if (workload->transport == UDP) {
    receiver.port = local_port(receiver.watch.fd);
    receiver.messages_a_drop = ask_for_joined(receiver.watch.fd, workload->size);
  }
  for (size_t at = 0; at < BATCH; at++) prepare(&messages[at].msg_hdr, at);
  tally = start_tally(1);
  watch_add(&receiver.watch);
  say_address(address);
  serve(report, &receiver);
}
