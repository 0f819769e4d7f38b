#include "descriptors.h"

#include "watch.h"

namespace polysocket {

void Descriptors::Own(int fd) {
  if (fd >= end()) table_.resize(static_cast<size_t>(fd) + 1);
  // One that has a watch already was closed by somebody else. The watch must not end the descriptor that has the number now.
  if (table_[fd].watch != nullptr) table_[fd].watch->Stop();
  table_[fd] = {true, nullptr};
}

}  // namespace polysocket
