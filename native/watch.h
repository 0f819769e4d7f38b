#pragma once

#include <node_api.h>
#include <uv.h>

#include "environment.h"
#include "shared-callbacks.h"

namespace polysocket {

// A descriptor that is known to the event loop, and the JavaScript object that stands for it, the target. It begins with
// `watch` and ends when the descriptor is closed; its memory lasts until the event loop has let go of the poll handle.
class Watch {
 public:
  // Functions of the addon.
  static napi_value Open(napi_env env, napi_callback_info info);
  static napi_value Wait(napi_env env, napi_callback_info info);
  static napi_value Ref(napi_env env, napi_callback_info info);
  static napi_value Unref(napi_env env, napi_callback_info info);

  // Takes the descriptor out of the event loop and lets go of the target. It must come before the descriptor is closed:
  // the epoll set knows the open file, not the number, and the file lives on where another process has a duplicate.
  void Stop();

  // Whether this is the target. Who has it keeps it alive, so that the descriptor cannot have been closed for its being
  // forgotten, nor its number be another's by now.
  bool IsOwnedBy(napi_value owner) const;

 private:
  Watch(Environment* environment, int fd) : environment_(environment), fd_(fd) { poll_.data = this; }

  static void OnReady(uv_poll_t* poll, int status, int events);
  static void OnStopped(uv_handle_t* poll);
  static void OnForgotten(napi_env env, void* data, void* hint);

  // The watch of this descriptor, if it is this owner's; nullptr otherwise.
  static Watch* Find(Environment& environment, int fd, napi_value owner);

  bool Attach(napi_env env, napi_value target, napi_value resource, napi_value callback);
  int WaitFor(int events);
  void Remember(int events);

  Environment* const environment_;
  const int fd_;
  int events_ = 0;
  // Strong while something is waited for.
  napi_ref target_ = nullptr;
  SharedCallback* callback_ = nullptr;
  napi_async_context context_ = nullptr;
  uv_poll_t poll_;
};

}  // namespace polysocket
