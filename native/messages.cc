#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cstring>

#include "ancillary.h"
#include "call.h"
#include "calls.h"
#include "transfer.h"

namespace polysocket {
namespace {

// Words in `meta` for each message of sendmmsg, and of recvmmsg.
constexpr size_t kSendMeta = 3;
constexpr size_t kReceiveMeta = 5;

// UDP_SEGMENT takes 16 bits.
constexpr size_t kMaxSegment = 0xffff;

// Asks the kernel to cut the message into segments of so many bytes.
void AddSegmentSize(msghdr* header, SegmentControl* control, size_t segment) {
  header->msg_control = control->bytes;
  header->msg_controllen = sizeof(control->bytes);
  cmsghdr* const part = CMSG_FIRSTHDR(header);
  part->cmsg_level = IPPROTO_UDP;
  part->cmsg_type = UDP_SEGMENT;
  part->cmsg_len = CMSG_LEN(sizeof(uint16_t));
  const uint16_t size = static_cast<uint16_t>(segment);
  std::memcpy(CMSG_DATA(part), &size, sizeof(size));
}

// Takes ownership of the descriptors that came with a message. Returns what UDP_GRO says of it: the length of each but the
// last of the messages that it is made of; 0 for a single one.
int32_t TakeAncillary(Descriptors* descriptors, const msghdr& header) {
  int32_t segment = 0;
  const uint8_t* const control = static_cast<const uint8_t*>(header.msg_control);
  ForEachPart(control, header.msg_controllen, [&](int level, int type, const uint8_t* data, size_t length) {
    if (level == IPPROTO_UDP && type == UDP_GRO && length >= sizeof(segment)) {
      std::memcpy(&segment, data, sizeof(segment));
    }
    ForEachFd(level, type, data, length, [descriptors](int fd) {
      // The memory is the caller's: only what is open, and nobody's yet, can have come just now.
      if (fcntl(fd, F_GETFD) != -1 && !descriptors->Owns(fd)) descriptors->Own(fd);
    });
  });
  return segment;
}

// Moves the bytes of messages together, which stand in slots of their own.
void Pack(uint8_t* start, size_t slot, const mmsghdr* messages, int64_t count) {
  uint8_t* end = start;
  for (int64_t i = 0; i < count; i++) {
    const size_t length = std::min<size_t>(messages[i].msg_len, slot);
    const uint8_t* const bytes = start + i * slot;
    if (end != bytes && length > 0) std::memmove(end, bytes, length);
    end += length;
  }
}

}  // namespace

napi_value SendMsg(napi_env env, napi_callback_info info) {
  Call call(env, info);
  int fd;
  Bytes data;
  Name name;
  Bytes control;
  if (!call.Read(&fd, &data, &name, &control)) return call.Return(-EINVAL);
  iovec piece = {data.data, data.length};
  msghdr header = HeaderFor(&piece, 1, name.data, name.length);
  if (control.length > 0) {
    header.msg_control = control.data;
    header.msg_controllen = control.length;
  }
  return call.Return(Retry([&] { return sendmsg(fd, &header, kSend); }));
}

napi_value Sendmmsg(napi_env env, napi_callback_info info) {
  Call call(env, info);
  int fd;
  Bytes slab;
  Words meta;
  Bytes names;
  size_t wanted;
  if (!call.Read(&fd, &slab, &meta, &names, &wanted)) return call.Return(-EINVAL);
  const size_t count = std::min(wanted, kBatchLimit);
  if (count > meta.length / kSendMeta) return call.Return(-EINVAL);
  Batch& batch = call.environment().batch();
  size_t offset = 0;
  for (size_t i = 0; i < count; i++) {
    // Checked as size_t, which makes a negative number too large.
    const size_t length = meta.At(i * kSendMeta);
    const size_t name_length = meta.At(i * kSendMeta + 1);
    const size_t segment = meta.At(i * kSendMeta + 2);
    if (!slab.Holds(offset, length) || name_length > kNameSize || segment > kMaxSegment) return call.Return(-EINVAL);
    if (name_length > 0 && !names.Holds(i * kNameSize, name_length)) return call.Return(-EINVAL);
    batch.pieces[i] = {slab.data + offset, length};
    uint8_t* const name = name_length > 0 ? names.data + i * kNameSize : nullptr;
    msghdr& header = batch.headers[i].msg_hdr;
    header = HeaderFor(&batch.pieces[i], 1, name, name_length);
    if (segment > 0) AddSegmentSize(&header, &batch.segments[i], segment);
    offset += length;
  }
  return call.Return(Retry([&] { return sendmmsg(fd, batch.headers, static_cast<unsigned>(count), kSend); }));
}

napi_value Recvmmsg(napi_env env, napi_callback_info info) {
  Call call(env, info);
  int fd;
  Bytes slab;
  size_t offset;
  size_t slot;
  size_t wanted;
  Words meta;
  Bytes names;
  Bytes controls;
  size_t control_size;
  int flags;
  if (!call.Read(&fd, &slab, &offset, &slot, &wanted, &meta, &names, &controls, &control_size, &flags)) {
    return call.Return(-EINVAL);
  }
  const size_t count = std::min(wanted, kBatchLimit);
  const bool is_aligned = reinterpret_cast<uintptr_t>(controls.data) % alignof(cmsghdr) == 0 &&
                          control_size % alignof(cmsghdr) == 0;
  if (offset > slab.length || (slot > 0 && count > (slab.length - offset) / slot) ||
      count > meta.length / kReceiveMeta || count > names.length / kNameSize ||
      (control_size > 0 && (!is_aligned || count > controls.length / control_size))) {
    return call.Return(-EINVAL);
  }
  Batch& batch = call.environment().batch();
  uint8_t* const start = slab.data + offset;
  for (size_t i = 0; i < count; i++) {
    batch.pieces[i] = {start + i * slot, slot};
    msghdr& header = batch.headers[i].msg_hdr;
    header = HeaderFor(&batch.pieces[i], 1, names.data + i * kNameSize, kNameSize);
    if (control_size > 0) {
      header.msg_control = controls.data + i * control_size;
      header.msg_controllen = control_size;
    }
  }
  const int64_t received =
      Retry([&] { return recvmmsg(fd, batch.headers, static_cast<unsigned>(count), kReceive | flags, nullptr); });
  Descriptors& descriptors = call.environment().descriptors();
  size_t total = 0;
  for (int64_t i = 0; i < received; i++) {
    mmsghdr& message = batch.headers[i];
    const size_t length = std::min<size_t>(message.msg_len, slot);
    total += length;
    int32_t* const words = meta.data + i * kReceiveMeta;
    words[0] = static_cast<int32_t>(length);
    // The kernel puts this one of ours among its own.
    words[1] = message.msg_hdr.msg_flags & ~MSG_CMSG_CLOEXEC;
    words[2] = static_cast<int32_t>(message.msg_hdr.msg_namelen);
    words[3] = static_cast<int32_t>(message.msg_hdr.msg_controllen);
    words[4] = TakeAncillary(&descriptors, message.msg_hdr);
  }
  if (received > 0 && total < received * slot - total) Pack(start, slot, batch.headers, received);
  return call.Return(received);
}

}  // namespace polysocket
