#include "environment.h"

#include "watch.h"

namespace polysocket {

Environment* Environment::Create(napi_env env) {
  Environment* environment = new Environment(env);
  if (napi_get_uv_event_loop(env, &environment->loop_) != napi_ok ||
      napi_set_instance_data(env, environment, Finalize, nullptr) != napi_ok) {
    delete environment;
    return nullptr;
  }
  // From here on the environment owns it. The hook is an asynchronous one because a poll handle may be freed only in
  // its close callback, and the event loop must run once more for that.
  if (napi_add_async_cleanup_hook(env, OnExit, environment, &environment->exit_hook_) != napi_ok) return nullptr;
  return environment;
}

void Environment::OnHandleClosed() {
  closing_--;
  LetGoWhenIdle();
}

void Environment::OnExit(napi_async_cleanup_hook_handle, void* data) {
  Environment* environment = static_cast<Environment*>(data);
  environment->exiting_ = true;
  environment->outside_.Leave(environment->env());
  Descriptors& descriptors = environment->descriptors_;
  for (int fd = 0; fd < descriptors.end(); fd++) {
    Watch* const watch = descriptors.WatchOf(fd);
    if (watch != nullptr) watch->Stop();
    if (descriptors.Owns(fd)) descriptors.Close(fd);
  }
  environment->LetGoWhenIdle();
}

// The environment waits with its finalizers, and with unloading the addon, until its hook is removed.
void Environment::LetGoWhenIdle() {
  if (!exiting_ || closing_ > 0 || exit_hook_ == nullptr) return;
  napi_remove_async_cleanup_hook(exit_hook_);
  exit_hook_ = nullptr;
}

void Environment::Finalize(napi_env, void* data, void*) { delete static_cast<Environment*>(data); }

}  // namespace polysocket
