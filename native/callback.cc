#include "callback.h"

#include "call.h"

namespace polysocket {

void CallBack(napi_env env, napi_async_context context, napi_value target, napi_value function, size_t count,
              const napi_value* values) {
  if (napi_make_callback(env, context, target, function, count, values, nullptr) != napi_pending_exception) return;
  // Nothing is pending when the callback was not run, or was ended, because its environment is on its way out.
  bool pending = false;
  napi_value exception;
  if (napi_is_exception_pending(env, &pending) != napi_ok || !pending) return;
  if (napi_get_and_clear_last_exception(env, &exception) == napi_ok) napi_fatal_exception(env, exception);
}

napi_value Report(napi_env env, napi_callback_info info) {
  Call call(env, info);
  Any error;
  if (call.Read(&error)) napi_fatal_exception(env, error.value);
  return nullptr;
}

}  // namespace polysocket
