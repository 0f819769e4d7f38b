#include "slabs.h"

#include <cerrno>
#include <cstdlib>
#include <iterator>
#include <new>

#include "call.h"
#include "calls.h"

namespace polysocket {
namespace {

// What V8 lets lie about before it looks for garbage, so that what one collection frees is there until the next.
constexpr size_t kKept = 32 << 20;

}  // namespace

Slabs::~Slabs() {
  for (Block* block : free_) std::free(block);
}

void Slabs::Abandon() {
  abandoned_ = true;
  if (outstanding_ == 0) delete this;
}

napi_value Slabs::Take(napi_env env, size_t size) {
  napi_value buffer = nullptr;
  void* data;
  // An allocation of V8's own: only those make it look how much lies about, ours included, and collect it.
  if (napi_create_arraybuffer(env, 1, &data, &buffer) != napi_ok) return nullptr;
  if (Block* const block = Find(size)) {
    outstanding_++;
    if (napi_create_external_buffer(env, size, block->memory(), GiveBack, block, &buffer) == napi_ok) return buffer;
    outstanding_--;
    Keep(block);
  }
  // Electron takes no memory from outside of V8.
  return napi_create_buffer(env, size, &data, &buffer) == napi_ok ? buffer : nullptr;
}

// The one that was given back last, which the processor's cache may still hold; nullptr where there is no memory.
Slabs::Block* Slabs::Find(size_t size) {
  for (auto each = free_.rbegin(); each != free_.rend(); ++each) {
    Block* const block = *each;
    if (block->size != size) continue;
    free_.erase(std::next(each).base());
    free_bytes_ -= size;
    return block;
  }
  void* const memory = std::aligned_alloc(alignof(Block), sizeof(Block) + size);
  return memory == nullptr ? nullptr : new (memory) Block{this, size};
}

void Slabs::Keep(Block* block) {
  if (abandoned_ || free_bytes_ + block->size > kKept) {
    std::free(block);
  } else {
    free_.push_back(block);
    free_bytes_ += block->size;
  }
}

void Slabs::GiveBack(napi_env, void*, void* hint) {
  Block* const block = static_cast<Block*>(hint);
  Slabs* const owner = block->owner;
  owner->Keep(block);
  owner->outstanding_--;
  if (owner->abandoned_ && owner->outstanding_ == 0) delete owner;
}

napi_value Slab(napi_env env, napi_callback_info info) {
  Call call(env, info);
  size_t size;
  // A multiple of the alignment, as aligned_alloc wants it.
  if (!call.Read(&size) || size == 0 || size % 64 != 0 || size > kKept) return call.Return(-EINVAL);
  return call.environment().slabs()->Take(env, size);
}

}  // namespace polysocket
