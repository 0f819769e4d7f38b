#pragma once

#include <node_api.h>

#include <cstddef>
#include <vector>

namespace polysocket {

// Memory to receive into, handed out as buffers. When the garbage collector finds that nobody holds a buffer any more, its
// memory serves the next of that size: the kernel fills pages that the process has already several times faster than such
// as it has to find and clear first. One for each environment; it lives on until the last of its buffers is gone.
class Slabs {
 public:
  static Slabs* Create() { return new Slabs(); }
  void Abandon();

  // A buffer of so many bytes, not cleared; nullptr, with an exception pending, where there is no memory.
  napi_value Take(napi_env env, size_t size);

 private:
  // Stands before a buffer's memory.
  struct alignas(64) Block {
    Slabs* owner;
    size_t size;

    void* memory() { return this + 1; }
  };

  Slabs() = default;
  ~Slabs();

  Block* Find(size_t size);
  void Keep(Block* block);

  static void GiveBack(napi_env env, void* memory, void* block);

  std::vector<Block*> free_;
  size_t free_bytes_ = 0;
  size_t outstanding_ = 0;
  bool abandoned_ = false;
};

}  // namespace polysocket
