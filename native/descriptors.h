#pragma once

#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace polysocket {

class Watch;

// The descriptors that one environment has to close, and the watches of those that are watched. The kernel hands out the
// smallest free number, so a table by number stays as small as the largest number of descriptors that the process ever
// had open at once.
class Descriptors {
 public:
  bool Owns(int fd) const { return fd >= 0 && fd < end() && table_[fd].owned; }

  // nullptr for one that is not watched.
  Watch* WatchOf(int fd) const { return Owns(fd) ? table_[fd].watch : nullptr; }

  // `fd` must be open, hence not negative.
  void Own(int fd);

  // Of one that is owned.
  void SetWatch(int fd, Watch* watch) { table_[fd].watch = watch; }
  void Disown(int fd) { table_[fd] = {}; }

  // Never retried: Linux frees the number before anything in close(2) can be interrupted, and by the time of a second
  // call another thread may have got it.
  int Close(int fd) {
    Disown(fd);
    return ::close(fd);
  }

  // Above every one that is owned.
  int end() const { return static_cast<int>(table_.size()); }

 private:
  struct Entry {
    bool owned = false;
    Watch* watch = nullptr;
  };

  std::vector<Entry> table_;
};

}  // namespace polysocket
