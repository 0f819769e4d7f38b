#include "outside.h"

#include <napi.h>

#include "call.h"

namespace polysocket {

void Outside::Enter(napi_env env) {
  napi_value name;
  if (context_ != nullptr || napi_create_string_utf8(env, "polysocket", NAPI_AUTO_LENGTH, &name) != napi_ok) return;
  if (napi_async_init(env, nullptr, name, &context_) != napi_ok) context_ = nullptr;
}

void Outside::Leave(napi_env env) {
  if (context_ == nullptr) return;
  const Napi::HandleScope scope(env);
  napi_async_destroy(env, context_);
  context_ = nullptr;
}

napi_value Outside::Run(napi_env env, napi_callback_info info) {
  Call call(env, info);
  Function function;
  if (!call.Read(&function)) return call.Return(-EINVAL);
  const napi_async_context context = call.environment().outside().context_;
  napi_value result = nullptr;
  // A callback, since napi_open_callback_scope leaves the stores as they are from Node 24 on.
  if (context != nullptr) {
    napi_make_callback(env, context, function.value, function.value, 0, nullptr, &result);
  } else {
    napi_call_function(env, function.value, function.value, 0, nullptr, &result);
  }
  return result;
}

}  // namespace polysocket
