#pragma once

#include <node_api.h>
#include <uv.h>

#include "environment.h"

namespace polysocket {

// A poll handle, the descriptor that it owns, and the JavaScript object that stands for both. The object's finalizer
// and the event loop's close callback come in either order; the later one frees the watch.
class Watch {
 public:
  // The function `watch` of the addon.
  static napi_value Open(napi_env env, napi_callback_info info);
  // Defines the class that its objects are of.
  static napi_value Define(napi_env env);

  // Idempotent.
  void Close();

 private:
  friend class Environment;

  explicit Watch(Environment* environment, int fd) : environment_(environment), fd_(fd) { poll_.data = this; }

  static Watch* Of(napi_env env, napi_callback_info info, size_t count, napi_value* arguments);
  static napi_value Set(napi_env env, napi_callback_info info);
  static napi_value Ref(napi_env env, napi_callback_info info);
  static napi_value Unref(napi_env env, napi_callback_info info);
  static napi_value CloseFromScript(napi_env env, napi_callback_info info);

  static void OnReady(uv_poll_t* poll, int status, int events);
  static void OnClosed(uv_handle_t* poll);
  static void Finalize(napi_env env, void* data, void* hint);

  bool Wrap(napi_env env, napi_value callback, napi_value* object);
  void ReleaseScript(napi_env env);
  void ReleaseContext(napi_env env);
  int WaitFor(int events);
  void Remember(int events);

  Environment* environment_;
  int fd_;  // -1 once closed
  int events_ = 0;
  bool finalized_ = false;
  bool closed_ = false;
  uv_poll_t poll_;
  napi_ref self_ = nullptr;
  napi_ref callback_ = nullptr;
  napi_async_context context_ = nullptr;
  Watch* previous_ = nullptr;
  Watch* next_ = nullptr;
};

}  // namespace polysocket
