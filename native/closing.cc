#include "closing.h"

#include <napi.h>
#include <uv.h>

#include "call.h"
#include "callback.h"

namespace polysocket {
namespace {

// A handle that does nothing, for the sake of its close callback: the event loop calls those in a phase of their own.
struct Closing {
  Environment* const environment;
  uv_idle_t handle;
  napi_ref callback = nullptr;
  napi_async_context context = nullptr;
};

void OnClosed(uv_handle_t* handle) {
  Closing* const closing = static_cast<Closing*>(handle->data);
  Environment* const environment = closing->environment;
  const napi_env env = environment->env();
  {
    const Napi::HandleScope scope(env);
    napi_value callback;
    // Neither is there when the environment was on its way out by then.
    if (closing->callback != nullptr && closing->context != nullptr &&
        napi_get_reference_value(env, closing->callback, &callback) == napi_ok) {
      CallBack(env, closing->context, callback, callback, 0, nullptr);
    }
    if (closing->context != nullptr) napi_async_destroy(env, closing->context);
    if (closing->callback != nullptr) napi_delete_reference(env, closing->callback);
  }
  delete closing;
  environment->OnHandleClosed();
}

}  // namespace

napi_value TellClosed(napi_env env, napi_callback_info info) {
  Call call(env, info);
  Function callback;
  if (!call.Read(&callback)) return call.Return(-EINVAL);
  Environment& environment = call.environment();
  Closing* const closing = new Closing{&environment, {}};
  uv_idle_init(environment.loop(), &closing->handle);
  closing->handle.data = closing;
  napi_value name;
  napi_create_reference(env, callback.value, 1, &closing->callback);
  // The callback is its own async resource: Node would make one otherwise.
  if (napi_create_string_utf8(env, "polysocket", NAPI_AUTO_LENGTH, &name) == napi_ok) {
    napi_async_init(env, callback.value, name, &closing->context);
  }
  environment.OnHandleClosing();
  uv_close(reinterpret_cast<uv_handle_t*>(&closing->handle), OnClosed);
  return call.Return(0);
}

}  // namespace polysocket
