#pragma once

#include <node_api.h>

namespace polysocket {

// An async context with this resource, begun in the one that is current; nullptr where there is no memory, or the
// environment is on its way out.
napi_async_context NewContext(napi_env env, napi_value resource);

// The async context that is nobody's, which the event loop calls us in: what begins in it has no AsyncLocalStorage's store.
class Outside {
 public:
  // The event loop has called us, and no JavaScript runs yet.
  void Enter(napi_env env);
  void Leave(napi_env env);

  // Like `NewContext`, but begun outside, once the event loop has called us.
  napi_async_context MakeContext(napi_env env, napi_value resource);

 private:
  static napi_value OnMakeContext(napi_env env, napi_callback_info info);

  napi_async_context context_ = nullptr;
  // Calls OnMakeContext. Nothing but a callback has Node change over to a context: napi_open_callback_scope leaves the
  // stores as they are from Node 24 on.
  napi_ref function_ = nullptr;
  napi_async_context made_ = nullptr;
};

}  // namespace polysocket
