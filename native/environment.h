#pragma once

#include <node_api.h>
#include <sys/socket.h>
#include <uv.h>

#include <cstdint>

#include "descriptors.h"
#include "outside.h"
#include "shared-callbacks.h"
#include "slabs.h"

namespace polysocket {

// Messages in one sendmmsg(2) or recvmmsg(2), and pieces in one sendmsg(2): the kernel's UIO_MAXIOV, past which it
// takes no more (sendmmsg, recvmmsg) or refuses (sendmsg).
constexpr size_t kBatchLimit = 1024;

// Room for the size of a message's segments (UDP_SEGMENT of udp(7)) as cmsg(3) lays it out.
struct alignas(cmsghdr) SegmentControl {
  uint8_t bytes[CMSG_SPACE(sizeof(uint16_t))];
};

// Working memory of the calls in streams.cc and messages.cc. An environment has one thread, and none of those calls runs JavaScript
// between filling it and using it, so one is enough and no call allocates.
struct Batch {
  mmsghdr headers[kBatchLimit];
  iovec pieces[kBatchLimit];
  SegmentControl segments[kBatchLimit];
};

// What the addon keeps for one environment, that is the main thread or one worker. Every function of the addon gets it
// as its data. It ends in three steps: the environment's exit hook closes all watches and descriptors; the last handle
// to be closed by the event loop lets the environment go on; the environment's finalizers free the memory.
class Environment {
 public:
  // Returns nullptr where the environment is already on its way out.
  static Environment* Create(napi_env env);

  napi_env env() const { return env_; }
  uv_loop_t* loop() const { return loop_; }
  Descriptors& descriptors() { return descriptors_; }
  Batch& batch() { return batch_; }
  Slabs* slabs() { return slabs_; }
  SharedCallbacks& callbacks() { return callbacks_; }
  Outside& outside() { return outside_; }

  // Around the uv_close of each of the addon's handles and its close callback: the environment does not end in between.
  void OnHandleClosing() { closing_++; }
  void OnHandleClosed();

 private:
  explicit Environment(napi_env env) : env_(env) {}
  ~Environment() { slabs_->Abandon(); }

  static void OnExit(napi_async_cleanup_hook_handle hook, void* data);
  static void Finalize(napi_env env, void* data, void* hint);
  void LetGoWhenIdle();

  napi_env env_;
  uv_loop_t* loop_ = nullptr;
  napi_async_cleanup_hook_handle exit_hook_ = nullptr;
  bool exiting_ = false;
  size_t closing_ = 0;
  Outside outside_;
  Descriptors descriptors_;
  SharedCallbacks callbacks_;
  Slabs* const slabs_ = Slabs::Create();
  Batch batch_;
};

}  // namespace polysocket
