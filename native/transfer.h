#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <cstddef>

namespace polysocket {

// MSG_DONTWAIT although our descriptors are non-blocking: O_NONBLOCK belongs to the open file, which an adopted socket
// may share with another process, and that one may clear it.
constexpr int kReceive = MSG_DONTWAIT;
// A peer that is gone is EPIPE, not SIGPIPE.
constexpr int kSend = MSG_DONTWAIT | MSG_NOSIGNAL;

inline msghdr HeaderFor(iovec* pieces, size_t count, void* name, size_t name_length) {
  msghdr header = {};
  header.msg_name = name;
  header.msg_namelen = static_cast<socklen_t>(name_length);
  header.msg_iov = pieces;
  header.msg_iovlen = count;
  return header;
}

}  // namespace polysocket
