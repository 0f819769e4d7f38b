#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "call.h"
#include "calls.h"

namespace polysocket {
namespace {

// MSG_DONTWAIT although our descriptors are non-blocking: O_NONBLOCK belongs to the open file, which an adopted socket
// may share with another process, and that one may clear it. MSG_CMSG_CLOEXEC for descriptors that come with a message.
constexpr int kReceive = MSG_DONTWAIT | MSG_CMSG_CLOEXEC;
// A peer that is gone is EPIPE, not SIGPIPE.
constexpr int kSend = MSG_DONTWAIT | MSG_NOSIGNAL;

// Bytes after which sendv looks at no further chunk: tcp_wmem's default maximum. Each chunk costs a look, and of a long
// queue of large ones the socket takes only the first few.
constexpr size_t kEnough = 4 << 20;

// Words in `meta` for each message of recvmmsg.
constexpr size_t kMetaSize = 4;

// The kernel's SCM_MAX_FD, which no header has: descriptors in one message. MAX_FDS in src/engine/addon.ts.
constexpr size_t kMaxFds = 253;
// The kernel's SCM_PIDFD, of SO_PASSPIDFD; headers before glibc 2.39 lack it.
constexpr int kScmPidfd = 4;

msghdr HeaderFor(iovec* pieces, size_t count, void* name, size_t name_length) {
  msghdr header = {};
  header.msg_name = name;
  header.msg_namelen = static_cast<socklen_t>(name_length);
  header.msg_iov = pieces;
  header.msg_iovlen = count;
  return header;
}

// Room for what one message of a stream can carry: descriptors, the sender's credentials (SO_PASSCRED), its security
// label (SO_PASSSEC), its process (SO_PASSPIDFD).
struct alignas(cmsghdr) Control {
  uint8_t bytes[CMSG_SPACE(kMaxFds * sizeof(int)) + CMSG_SPACE(sizeof(ucred)) + CMSG_SPACE(256) +
                CMSG_SPACE(sizeof(int))];
};

// Copies the descriptors that the message brought, of which `fds` has room for kMaxFds, and returns how many there are.
size_t TakeFds(msghdr* header, int32_t* fds) {
  size_t count = 0;
  for (cmsghdr* part = CMSG_FIRSTHDR(header); part != nullptr; part = CMSG_NXTHDR(header, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_len < CMSG_LEN(sizeof(int))) continue;
    if (part->cmsg_type == SCM_RIGHTS) {
      const size_t length = std::min((part->cmsg_len - CMSG_LEN(0)) / sizeof(int), kMaxFds - count);
      std::memcpy(fds + count, CMSG_DATA(part), length * sizeof(int));
      count += length;
    } else if (part->cmsg_type == kScmPidfd) {
      // Nobody can ask for it, and it is open.
      int fd;
      std::memcpy(&fd, CMSG_DATA(part), sizeof(fd));
      close(fd);
    }
  }
  return count;
}

}  // namespace

napi_value Recv(napi_env env, napi_callback_info info) {
  Call call(env, info);
  int fd;
  Bytes buffer;
  size_t offset;
  size_t length;
  if (!call.Read(&fd, &buffer, &offset, &length) || !buffer.Holds(offset, length)) return call.Return(-EINVAL);
  return call.Return(Retry([&] { return recv(fd, buffer.data + offset, length, kReceive); }));
}

napi_value Sendv(napi_env env, napi_callback_info info) {
  Call call(env, info);
  int fd;
  Array chunks;
  size_t first;
  size_t offset;
  if (!call.Read(&fd, &chunks, &first, &offset) || first >= chunks.length) return call.Return(-EINVAL);
  const size_t most = std::min(chunks.length - first, kBatchLimit);
  napi_value values[kBatchLimit];
  size_t count = 0;
  // Two passes: an element may be an accessor, which can run any JavaScript, such as to detach a buffer that was found
  // before it, or to call sendv.
  for (size_t gathered = 0; count < most && gathered < kEnough; count++) {
    napi_value* const value = &values[count];
    const napi_status status = napi_get_element(env, chunks.value, static_cast<uint32_t>(first + count), value);
    if (status == napi_pending_exception) return nullptr;
    if (status != napi_ok) return call.Return(-EINVAL);
    size_t length = 0;
    napi_get_typedarray_info(env, *value, nullptr, &length, nullptr, nullptr, nullptr);
    gathered += length;
  }
  Batch& batch = call.environment().batch();
  for (size_t i = 0; i < count; i++) {
    Bytes chunk;
    const size_t skip = i == 0 ? offset : 0;
    if (!Read(env, values[i], &chunk) || skip > chunk.length) return call.Return(-EINVAL);
    batch.pieces[i] = {chunk.data + skip, chunk.length - skip};
  }
  const msghdr header = HeaderFor(batch.pieces, count, nullptr, 0);
  return call.Return(Retry([&] { return sendmsg(fd, &header, kSend); }));
}

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
  Words lengths;
  Bytes names;
  Words name_lengths;
  size_t wanted;
  if (!call.Read(&fd, &slab, &lengths, &names, &name_lengths, &wanted)) return call.Return(-EINVAL);
  const size_t count = std::min(wanted, kBatchLimit);
  if (count > lengths.length || count > name_lengths.length) return call.Return(-EINVAL);
  Batch& batch = call.environment().batch();
  size_t offset = 0;
  for (size_t i = 0; i < count; i++) {
    // Copied, and checked as size_t, which makes a negative number too large.
    const size_t length = lengths.data[i];
    const size_t name_length = name_lengths.data[i];
    if (!slab.Holds(offset, length) || name_length > kNameSize) return call.Return(-EINVAL);
    if (name_length > 0 && !names.Holds(i * kNameSize, name_length)) return call.Return(-EINVAL);
    batch.pieces[i] = {slab.data + offset, length};
    uint8_t* const name = name_length > 0 ? names.data + i * kNameSize : nullptr;
    batch.headers[i].msg_hdr = HeaderFor(&batch.pieces[i], 1, name, name_length);
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
  if (!call.Read(&fd, &slab, &offset, &slot, &wanted, &meta, &names, &controls, &control_size)) {
    return call.Return(-EINVAL);
  }
  const size_t count = std::min(wanted, kBatchLimit);
  if (offset > slab.length || (slot > 0 && count > (slab.length - offset) / slot) || count > meta.length / kMetaSize ||
      count > names.length / kNameSize || (control_size > 0 && count > controls.length / control_size)) {
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
      Retry([&] { return recvmmsg(fd, batch.headers, static_cast<unsigned>(count), kReceive, nullptr); });
  uint8_t* end = start;
  for (int64_t i = 0; i < received; i++) {
    const mmsghdr& message = batch.headers[i];
    const size_t length = std::min<size_t>(message.msg_len, slot);
    const uint8_t* const bytes = start + i * slot;
    if (end != bytes && length > 0) std::memmove(end, bytes, length);
    end += length;
    int32_t* const words = meta.data + i * kMetaSize;
    words[0] = static_cast<int32_t>(length);
    // The kernel puts our own flag among its own.
    words[1] = message.msg_hdr.msg_flags & ~MSG_CMSG_CLOEXEC;
    words[2] = static_cast<int32_t>(message.msg_hdr.msg_namelen);
    words[3] = static_cast<int32_t>(message.msg_hdr.msg_controllen);
  }
  return call.Return(received);
}

napi_value RecvFds(napi_env env, napi_callback_info info) {
  Call call(env, info);
  int fd;
  Bytes buffer;
  size_t offset;
  size_t length;
  Words fds;
  Words meta;
  if (!call.Read(&fd, &buffer, &offset, &length, &fds, &meta) || !buffer.Holds(offset, length) ||
      fds.length < kMaxFds || meta.length < 2) {
    return call.Return(-EINVAL);
  }
  Control control;
  iovec piece = {buffer.data + offset, length};
  msghdr header = HeaderFor(&piece, 1, nullptr, 0);
  const int64_t received = Retry([&] {
    header.msg_control = control.bytes;
    header.msg_controllen = sizeof(control.bytes);
    return recvmsg(fd, &header, kReceive);
  });
  if (received < 0) return call.Return(received);
  size_t count = TakeFds(&header, fds.data);
  if ((header.msg_flags & MSG_CTRUNC) != 0) {
    for (size_t i = 0; i < count; i++) close(fds.data[i]);
    count = 0;
  }
  meta.data[0] = static_cast<int32_t>(count);
  meta.data[1] = header.msg_flags & ~MSG_CMSG_CLOEXEC;
  return call.Return(received);
}

}  // namespace polysocket
