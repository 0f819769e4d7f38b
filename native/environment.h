#pragma once

#include <node_api.h>
#include <sys/socket.h>
#include <uv.h>

#include "descriptors.h"

namespace polysocket {

class Watch;

// Messages in one sendmmsg(2) or recvmmsg(2), and pieces in one sendmsg(2): the kernel's UIO_MAXIOV, past which it
// takes no more (sendmmsg, recvmmsg) or refuses (sendmsg).
constexpr size_t kBatchLimit = 1024;

// Working memory of the calls in transfer.cc. An environment has one thread, and none of those calls runs JavaScript
// between filling it and using it, so one is enough and no call allocates.
struct Batch {
  mmsghdr headers[kBatchLimit];
  iovec pieces[kBatchLimit];
};

// What the addon keeps for one environment, that is the main thread or one worker. Every function of the addon gets it
// as its data. It ends in three steps: the environment's exit hook closes all watches and descriptors; the last watch
// to be closed by the event loop lets the environment go on; the environment's finalizers free the memory.
class Environment {
 public:
  // Returns nullptr where the environment is already on its way out.
  static Environment* Create(napi_env env);

  napi_env env() const { return env_; }
  uv_loop_t* loop() const { return loop_; }
  Descriptors& descriptors() { return descriptors_; }
  Batch& batch() { return batch_; }

  napi_value watch_class() const;
  void set_watch_class(napi_value watch_class);

  void OnWatchOpened(Watch* watch);
  // The watch has let go of its descriptor, and the event loop is about to let go of the watch.
  void OnWatchClosing(Watch* watch);
  void OnWatchClosed();

 private:
  explicit Environment(napi_env env) : env_(env) {}

  static void OnExit(napi_async_cleanup_hook_handle hook, void* data);
  static void Finalize(napi_env env, void* data, void* hint);
  void LetGoWhenIdle();

  napi_env env_;
  uv_loop_t* loop_ = nullptr;
  napi_ref watch_class_ = nullptr;
  napi_async_cleanup_hook_handle exit_hook_ = nullptr;
  bool exiting_ = false;
  Watch* watches_ = nullptr;
  size_t closing_ = 0;
  Descriptors descriptors_;
  Batch batch_;
};

}  // namespace polysocket
