#include "outside.h"

#include <napi.h>

namespace polysocket {

napi_async_context NewContext(napi_env env, napi_value resource) {
  napi_value name;
  napi_async_context context = nullptr;
  const bool made = napi_create_string_utf8(env, "polysocket", NAPI_AUTO_LENGTH, &name) == napi_ok &&
                    napi_async_init(env, resource, name, &context) == napi_ok;
  return made ? context : nullptr;
}

void Outside::Enter(napi_env env) {
  if (context_ != nullptr) return;
  napi_value function;
  if (napi_create_function(env, nullptr, 0, OnMakeContext, this, &function) == napi_ok &&
      napi_create_reference(env, function, 1, &function_) == napi_ok) {
    context_ = NewContext(env, nullptr);
  }
}

void Outside::Leave(napi_env env) {
  const Napi::HandleScope scope(env);
  if (context_ != nullptr) napi_async_destroy(env, context_);
  if (function_ != nullptr) napi_delete_reference(env, function_);
  context_ = nullptr;
  function_ = nullptr;
}

napi_async_context Outside::MakeContext(napi_env env, napi_value resource) {
  napi_value function;
  made_ = nullptr;
  if (context_ == nullptr) return NewContext(env, resource);
  if (napi_get_reference_value(env, function_, &function) == napi_ok) {
    napi_make_callback(env, context_, resource, function, 1, &resource, nullptr);
  }
  return made_;
}

napi_value Outside::OnMakeContext(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value resource;
  void* outside;
  if (napi_get_cb_info(env, info, &count, &resource, nullptr, &outside) == napi_ok) {
    static_cast<Outside*>(outside)->made_ = NewContext(env, resource);
  }
  return nullptr;
}

}  // namespace polysocket
