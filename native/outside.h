#pragma once

#include <node_api.h>

namespace polysocket {

// The async context that the event loop calls us in, which is nobody's: what begins in it has no AsyncLocalStorage's store.
class Outside {
 public:
  // A function of the addon.
  static napi_value Run(napi_env env, napi_callback_info info);

  // The event loop has called us, and no JavaScript runs yet.
  void Enter(napi_env env);
  void Leave(napi_env env);

 private:
  napi_async_context context_ = nullptr;
};

}  // namespace polysocket
