#pragma once

#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace polysocket {

// Who closes a descriptor.
enum class Owner : uint8_t { kNobody, kEnvironment, kWatch };

// The descriptors that one environment has to close. The kernel hands out the smallest free number, so a table by
// number stays as small as the largest number of descriptors that the process ever had open at once.
class Descriptors {
 public:
  Owner OwnerOf(int fd) const {
    return fd >= 0 && static_cast<size_t>(fd) < owners_.size() ? owners_[fd] : Owner::kNobody;
  }

  // `fd` must be open, hence not negative.
  void SetOwner(int fd, Owner owner) {
    if (static_cast<size_t>(fd) >= owners_.size()) owners_.resize(fd + 1, Owner::kNobody);
    owners_[fd] = owner;
  }

  // Never retried: Linux frees the number before anything in close(2) can be interrupted, and by the time of a second
  // call another thread may have got it.
  int Close(int fd) {
    SetOwner(fd, Owner::kNobody);
    return ::close(fd);
  }

  void CloseAll() {
    for (size_t fd = 0; fd < owners_.size(); fd++) {
      if (owners_[fd] != Owner::kNobody) Close(static_cast<int>(fd));
    }
  }

 private:
  std::vector<Owner> owners_;
};

}  // namespace polysocket
