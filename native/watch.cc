#include "watch.h"

#include <napi.h>

#include "call.h"
#include "callback.h"

namespace polysocket {
namespace {

// What a watch may wait for: READABLE, WRITABLE and DISCONNECTED in src/engine/addon.ts.
constexpr int kEvents = UV_READABLE | UV_WRITABLE | UV_DISCONNECT;
// What POLLERR is reported as: FAILED of the same file, and whatever may be waited for with recv and send.
constexpr int kFailure = 8 | UV_READABLE | UV_WRITABLE;

}  // namespace

napi_value Watch::Open(napi_env env, napi_callback_info info) {
  Call call(env, info);
  int fd;
  Object target;
  Object resource;
  Function callback;
  if (!call.Read(&fd, &target, &resource, &callback)) return call.Return(-EINVAL);
  Environment& environment = call.environment();
  Descriptors& descriptors = environment.descriptors();
  if (!descriptors.Owns(fd)) return call.Return(-EBADF);
  if (descriptors.WatchOf(fd) != nullptr) return call.Return(-EEXIST);

  Watch* watch = new Watch(&environment, fd);
  const int error = uv_poll_init(environment.loop(), &watch->poll_, fd);
  if (error < 0) {
    delete watch;
    return call.Return(error);
  }
  // From before any JavaScript runs (an async_hooks listener may), so that nobody can watch it a second time.
  descriptors.SetWatch(fd, watch);
  if (watch->Attach(env, target.value, resource.value, callback.value)) return call.Return(0);
  // Out of memory, or the environment is on its way out: an exception says so. The descriptor is the caller's again.
  if (descriptors.WatchOf(fd) == watch) watch->Stop();
  return call.Return(-ENOMEM);
}

bool Watch::Attach(napi_env env, napi_value target, napi_value resource, napi_value callback) {
  napi_value name;
  callback_ = environment_->callbacks().Take(env, callback);
  return callback_ != nullptr &&
         // Weak to begin with, so that a target which nobody else holds is collected, and the watch with it.
         napi_add_finalizer(env, target, this, OnForgotten, nullptr, &target_) == napi_ok &&
         napi_create_string_utf8(env, "polysocket", NAPI_AUTO_LENGTH, &name) == napi_ok &&
         napi_async_init(env, resource, name, &context_) == napi_ok;
}

Watch* Watch::Find(Environment& environment, int fd, napi_value owner) {
  Watch* const watch = environment.descriptors().WatchOf(fd);
  return watch != nullptr && watch->IsOwnedBy(owner) ? watch : nullptr;
}

bool Watch::IsOwnedBy(napi_value owner) const {
  const napi_env env = environment_->env();
  napi_value target;
  bool same = false;
  return napi_get_reference_value(env, target_, &target) == napi_ok && target != nullptr &&
         napi_strict_equals(env, target, owner, &same) == napi_ok && same;
}

napi_value Watch::Wait(napi_env env, napi_callback_info info) {
  Call call(env, info);
  int fd;
  int events;
  Object owner;
  if (!call.Read(&fd, &events, &owner) || (events & ~kEvents) != 0) return call.Return(-EINVAL);
  Watch* const watch = Find(call.environment(), fd, owner.value);
  return call.Return(watch == nullptr ? -EBADF : watch->WaitFor(events));
}

napi_value Watch::Ref(napi_env env, napi_callback_info info) {
  Call call(env, info);
  int fd;
  Object owner;
  if (!call.Read(&fd, &owner)) return call.Return(-EINVAL);
  Watch* const watch = Find(call.environment(), fd, owner.value);
  if (watch == nullptr) return call.Return(-EBADF);
  uv_ref(reinterpret_cast<uv_handle_t*>(&watch->poll_));
  return call.Return(0);
}

napi_value Watch::Unref(napi_env env, napi_callback_info info) {
  Call call(env, info);
  int fd;
  Object owner;
  if (!call.Read(&fd, &owner)) return call.Return(-EINVAL);
  Watch* const watch = Find(call.environment(), fd, owner.value);
  if (watch == nullptr) return call.Return(-EBADF);
  uv_unref(reinterpret_cast<uv_handle_t*>(&watch->poll_));
  return call.Return(0);
}

int Watch::WaitFor(int events) {
  // uv_poll_start takes the descriptor out of the epoll set and puts it back, even for the same events.
  if (events == events_) return 0;
  const int error = events == 0 ? uv_poll_stop(&poll_) : uv_poll_start(&poll_, events, OnReady);
  if (error == 0) Remember(events);
  return error;
}

void Watch::Remember(int events) {
  if (events_ == 0 && events != 0) napi_reference_ref(environment_->env(), target_, nullptr);
  if (events_ != 0 && events == 0) napi_reference_unref(environment_->env(), target_, nullptr);
  events_ = events;
}

void Watch::OnReady(uv_poll_t* poll, int status, int events) {
  Watch* const watch = static_cast<Watch*>(poll->data);
  const napi_env env = watch->environment_->env();
  const Napi::HandleScope scope(env);
  napi_value target;
  napi_value callback;
  napi_value argument;
  if (napi_get_reference_value(env, watch->target_, &target) != napi_ok || target == nullptr ||
      napi_get_reference_value(env, watch->callback_->function, &callback) != napi_ok) {
    return;
  }
  if (status < 0) {
    // POLLERR. libuv has stopped the poll, and says UV_EBADF whatever the error is: it is for the next call to tell.
    watch->Remember(0);
    events = kFailure;
  }
  if (napi_create_int32(env, events, &argument) != napi_ok) return;
  watch->environment_->outside().Enter(env);
  CallBack(env, watch->context_, target, callback, 1, &argument);
}

void Watch::Stop() {
  const napi_env env = environment_->env();
  // From here on nobody finds the watch any more, and the target is not told of the descriptor's end.
  environment_->descriptors().SetWatch(fd_, nullptr);
  if (target_ != nullptr) napi_delete_reference(env, target_);
  target_ = nullptr;
  if (callback_ != nullptr) environment_->callbacks().Release(env, callback_);
  callback_ = nullptr;
  environment_->OnHandleClosing();
  // Takes the descriptor out of the epoll set at once, though its callback comes later.
  uv_close(reinterpret_cast<uv_handle_t*>(&poll_), OnStopped);
}

void Watch::OnStopped(uv_handle_t* poll) {
  Watch* const watch = static_cast<Watch*>(poll->data);
  Environment* const environment = watch->environment_;
  {
    // Not in Stop, which a callback in this very context may call.
    const Napi::HandleScope scope(environment->env());
    if (watch->context_ != nullptr) napi_async_destroy(environment->env(), watch->context_);
  }
  delete watch;
  environment->OnHandleClosed();
}

void Watch::OnForgotten(napi_env, void* data, void*) {
  Watch* const watch = static_cast<Watch*>(data);
  Descriptors& descriptors = watch->environment_->descriptors();
  const int fd = watch->fd_;
  watch->Stop();
  descriptors.Close(fd);
}

}  // namespace polysocket
