#pragma once

#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace polysocket {

// The kernel's SCM_PIDFD, of SO_PASSPIDFD; headers before glibc 2.39 lack it.
constexpr int kScmPidfd = 4;

// Calls `each(level, type, data, length)` with the parts of ancillary data as cmsg(3) lays them out. CMSG_NXTHDR reads a
// part's length twice; here each header is copied first, since the memory may be one that another thread writes to.
template <typename Each>
void ForEachPart(const uint8_t* control, size_t length, Each each) {
  constexpr size_t kHeader = CMSG_LEN(0);
  for (size_t at = 0; length - at >= kHeader;) {
    cmsghdr part;
    std::memcpy(&part, control + at, sizeof(part));
    std::atomic_signal_fence(std::memory_order_seq_cst);
    if (part.cmsg_len < kHeader || part.cmsg_len > length - at) return;
    each(part.cmsg_level, part.cmsg_type, control + at + kHeader, part.cmsg_len - kHeader);
    const size_t step = CMSG_ALIGN(part.cmsg_len);
    if (step > length - at) return;
    at += step;
  }
}

// Calls `each` with the descriptors that came with a message (SCM_RIGHTS). Closes a pidfd of the sender (SCM_PIDFD): we have
// no option that asks for one, but whoever opened an adopted socket may have set SO_PASSPIDFD.
template <typename Each>
void ForEachFd(int level, int type, const uint8_t* data, size_t length, Each each) {
  if (level != SOL_SOCKET || (type != SCM_RIGHTS && type != kScmPidfd)) return;
  for (size_t at = 0; length - at >= sizeof(int); at += sizeof(int)) {
    int fd;
    std::memcpy(&fd, data + at, sizeof(fd));
    if (type == SCM_RIGHTS) {
      each(fd);
    } else {
      close(fd);
    }
  }
}

}  // namespace polysocket
