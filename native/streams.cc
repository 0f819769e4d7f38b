#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "ancillary.h"
#include "call.h"
#include "calls.h"
#include "transfer.h"

namespace polysocket {
namespace {

// Bytes after which sendv looks at no further chunk: tcp_wmem's default maximum. Each chunk costs a look, and of a long
// queue of large ones the socket takes only the first few.
constexpr size_t kEnough = 4 << 20;

// The kernel's SCM_MAX_FD, which no header has: descriptors in one message. MAX_FDS in src/engine/addon.ts.
constexpr size_t kMaxFds = 253;

// Room for what one message of a stream can carry: descriptors, the sender's credentials (SO_PASSCRED), its security
// label (SO_PASSSEC), its process (SO_PASSPIDFD).
struct alignas(cmsghdr) Control {
  uint8_t bytes[CMSG_SPACE(kMaxFds * sizeof(int)) + CMSG_SPACE(sizeof(ucred)) + CMSG_SPACE(256) +
                CMSG_SPACE(sizeof(int))];
};

// recv(2) or send(2) of a part of a buffer, as the arguments say it.
template <typename SystemCall>
napi_value OfWindow(napi_env env, napi_callback_info info, SystemCall system_call) {
  Call call(env, info);
  int fd;
  Bytes buffer;
  size_t offset;
  size_t length;
  if (!call.Read(&fd, &buffer, &offset, &length) || !buffer.Holds(offset, length)) return call.Return(-EINVAL);
  return call.Return(Retry([&] { return system_call(fd, buffer.data + offset, length); }));
}

}  // namespace

napi_value Recv(napi_env env, napi_callback_info info) {
  return OfWindow(env, info, [](int fd, void* bytes, size_t length) { return recv(fd, bytes, length, kReceive); });
}

napi_value Send(napi_env env, napi_callback_info info) {
  return OfWindow(env, info, [](int fd, const void* bytes, size_t length) { return send(fd, bytes, length, kSend); });
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
    return recvmsg(fd, &header, kReceive | MSG_CMSG_CLOEXEC);
  });
  if (received < 0) return call.Return(received);
  const bool is_whole = (header.msg_flags & MSG_CTRUNC) == 0;
  Descriptors& descriptors = call.environment().descriptors();
  int32_t count = 0;
  ForEachPart(control.bytes, header.msg_controllen, [&](int level, int type, const uint8_t* data, size_t size) {
    ForEachFd(level, type, data, size, [&](int came) {
      if (is_whole && static_cast<size_t>(count) < kMaxFds) {
        descriptors.Own(came);
        fds.data[count++] = came;
      } else {
        close(came);
      }
    });
  });
  meta.data[0] = count;
  meta.data[1] = header.msg_flags & ~MSG_CMSG_CLOEXEC;
  return call.Return(received);
}

}  // namespace polysocket
