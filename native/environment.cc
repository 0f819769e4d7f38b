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

napi_value Environment::watch_class() const {
  napi_value watch_class = nullptr;
  napi_get_reference_value(env_, watch_class_, &watch_class);
  return watch_class;
}

void Environment::set_watch_class(napi_value watch_class) {
  napi_create_reference(env_, watch_class, 1, &watch_class_);
}

void Environment::OnWatchOpened(Watch* watch) {
  watch->next_ = watches_;
  if (watches_ != nullptr) watches_->previous_ = watch;
  watches_ = watch;
}

void Environment::OnWatchClosing(Watch* watch) {
  if (watch->previous_ != nullptr) {
    watch->previous_->next_ = watch->next_;
  } else {
    watches_ = watch->next_;
  }
  if (watch->next_ != nullptr) watch->next_->previous_ = watch->previous_;
  closing_++;
}

void Environment::OnWatchClosed() {
  closing_--;
  LetGoWhenIdle();
}

void Environment::OnExit(napi_async_cleanup_hook_handle, void* data) {
  Environment* environment = static_cast<Environment*>(data);
  environment->exiting_ = true;
  while (environment->watches_ != nullptr) environment->watches_->Close();
  environment->descriptors_.CloseAll();
  environment->LetGoWhenIdle();
}

// The environment waits with its finalizers, and with unloading the addon, until its hook is removed.
void Environment::LetGoWhenIdle() {
  if (!exiting_ || closing_ > 0 || exit_hook_ == nullptr) return;
  napi_remove_async_cleanup_hook(exit_hook_);
  exit_hook_ = nullptr;
}

void Environment::Finalize(napi_env env, void* data, void*) {
  Environment* environment = static_cast<Environment*>(data);
  if (environment->watch_class_ != nullptr) napi_delete_reference(env, environment->watch_class_);
  delete environment;
}

}  // namespace polysocket
