#pragma once

#include <node_api.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "environment.h"

namespace polysocket {

// Room for any sockaddr; NAME_SIZE in src/engine/addon.ts.
constexpr size_t kNameSize = sizeof(sockaddr_storage);

// The memory of a Uint8Array. A detached one has length 0.
struct Bytes {
  uint8_t* data;
  size_t length;

  bool Holds(size_t offset, size_t count) const { return offset <= length && count <= length - offset; }
};

// The memory of an Int32Array.
struct Words {
  int32_t* data;
  size_t length;

  // Loaded exactly once: another thread may write to the memory, and what was checked must be what is used.
  int32_t At(size_t index) const { return __atomic_load_n(data + index, __ATOMIC_RELAXED); }
};

// A sockaddr to hand to the kernel, exactly as long as the array that it came in; an empty array is no sockaddr at all.
struct Name {
  sockaddr* data;
  socklen_t length;
};

struct Array {
  napi_value value;
  uint32_t length;
};

struct Function {
  napi_value value;
};

struct Object {
  napi_value value;
};

// Whatever was passed, if anything was.
struct Any {
  napi_value value;
};

// Reads an argument, false if it is of another type or has no such value. None of them runs JavaScript, so memory that
// one has found cannot move or shrink until the call returns.
bool Read(napi_env env, napi_value value, int* target);
bool Read(napi_env env, napi_value value, size_t* target);
bool Read(napi_env env, napi_value value, Bytes* target);
bool Read(napi_env env, napi_value value, Words* target);
bool Read(napi_env env, napi_value value, Name* target);
bool Read(napi_env env, napi_value value, Array* target);
bool Read(napi_env env, napi_value value, Function* target);
bool Read(napi_env env, napi_value value, Object* target);
bool Read(napi_env env, napi_value value, Any* target);

// One call from JavaScript.
class Call {
 public:
  Call(napi_env env, napi_callback_info info) : env_(env), info_(info) {}

  // Reads the arguments in order; false, for -EINVAL, unless all are there.
  template <typename... Types>
  bool Read(Types*... targets) {
    napi_value values[sizeof...(Types)];
    size_t count = sizeof...(Types);
    void* data;
    // Arguments that were not passed are filled in as undefined.
    if (napi_get_cb_info(env_, info_, &count, values, nullptr, &data) != napi_ok) return false;
    environment_ = static_cast<Environment*>(data);
    size_t index = 0;
    return (polysocket::Read(env_, values[index++], targets) && ...);
  }

  // Only after `Read`.
  Environment& environment() const { return *environment_; }

  napi_value Return(int64_t result) const {
    napi_value value = nullptr;
    napi_create_int64(env_, result, &value);
    return value;
  }

 private:
  napi_env env_;
  napi_callback_info info_;
  Environment* environment_ = nullptr;
};

// Makes a system call, again if a signal came in between: its result or -errno.
template <typename SystemCall>
int64_t Retry(SystemCall call) {
  int64_t result;
  do {
    result = call();
  } while (result == -1 && errno == EINTR);
  return result == -1 ? -errno : result;
}

// The length of a buffer as the kernel takes it: as an int, negative ones being refused.
inline socklen_t LengthOf(const Bytes& bytes) {
  constexpr size_t kMaximum = std::numeric_limits<int>::max();
  return static_cast<socklen_t>(bytes.length < kMaximum ? bytes.length : kMaximum);
}

}  // namespace polysocket
