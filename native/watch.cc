#include "watch.h"

#include <napi.h>

#include <iterator>

#include "call.h"

namespace polysocket {
namespace {

// What a watch may wait for: READABLE, WRITABLE and DISCONNECTED in src/engine/addon.ts.
constexpr int kEvents = UV_READABLE | UV_WRITABLE | UV_DISCONNECT;
// What POLLERR is reported as: FAILED of the same file, and whatever may be waited for with recv and send.
constexpr int kFailure = 8 | UV_READABLE | UV_WRITABLE;

napi_value Construct(napi_env, napi_callback_info) { return nullptr; }

// As Node does with what its own callbacks throw: 'uncaughtException', or the end of the process. Nothing is pending
// when the callback was not run, or was ended, because its environment is on its way out.
void ReportException(napi_env env) {
  bool pending = false;
  napi_value exception;
  if (napi_is_exception_pending(env, &pending) != napi_ok || !pending) return;
  if (napi_get_and_clear_last_exception(env, &exception) == napi_ok) napi_fatal_exception(env, exception);
}

}  // namespace

napi_value Watch::Define(napi_env env) {
  const auto method = [](const char* name, napi_callback callback) {
    return napi_property_descriptor{name, nullptr, callback, nullptr, nullptr, nullptr, napi_default_method, nullptr};
  };
  const napi_property_descriptor methods[] = {
      method("set", Set),
      method("ref", Ref),
      method("unref", Unref),
      method("close", CloseFromScript),
  };
  napi_value watch_class = nullptr;
  napi_define_class(env, "Watch", NAPI_AUTO_LENGTH, Construct, nullptr, std::size(methods), methods, &watch_class);
  return watch_class;
}

napi_value Watch::Open(napi_env env, napi_callback_info info) {
  Call call(env, info);
  int fd;
  Function callback;
  if (!call.Read(&fd, &callback)) return call.Return(-EINVAL);
  Environment& environment = call.environment();
  Descriptors& descriptors = environment.descriptors();
  if (descriptors.OwnerOf(fd) == Owner::kNobody) return call.Return(-EBADF);
  if (descriptors.OwnerOf(fd) == Owner::kWatch) return call.Return(-EEXIST);

  Watch* watch = new Watch(&environment, fd);
  const int error = uv_poll_init(environment.loop(), &watch->poll_, fd);
  if (error < 0) {
    delete watch;
    return call.Return(error);
  }
  // From before any JavaScript runs (an async_hooks listener may), so that nobody can close or watch it a second time.
  descriptors.SetOwner(fd, Owner::kWatch);
  environment.OnWatchOpened(watch);
  napi_value object;
  if (watch->Wrap(env, callback.value, &object)) return object;
  // Out of memory, or the environment is on its way out: an exception says so, and the descriptor goes with the watch.
  watch->ReleaseScript(env);
  watch->finalized_ = true;
  watch->Close();
  return nullptr;
}

// Makes the JavaScript object. It holds the callback in a read-only property, so that the garbage collector knows of
// the tie: while the watch waits, one strong reference to the object keeps both alive; while it does not, both live as
// long as somebody holds the object.
bool Watch::Wrap(napi_env env, napi_value callback, napi_value* object) {
  napi_value name;
  const napi_property_descriptor holder = {
      "onReady", nullptr, nullptr, nullptr, nullptr, callback, napi_default, nullptr,
  };
  return napi_new_instance(env, environment_->watch_class(), 0, nullptr, object) == napi_ok &&
         napi_define_properties(env, *object, 1, &holder) == napi_ok &&
         napi_create_reference(env, callback, 0, &callback_) == napi_ok &&
         napi_create_string_utf8(env, "polysocket", NAPI_AUTO_LENGTH, &name) == napi_ok &&
         // The object is its own async resource. Node would make one otherwise and hold it for good, and with it the
         // AsyncLocalStorage's store, which may well lead back to the socket.
         napi_async_init(env, *object, name, &context_) == napi_ok &&
         napi_wrap(env, *object, this, Finalize, nullptr, &self_) == napi_ok;
}

void Watch::ReleaseScript(napi_env env) {
  if (self_ != nullptr) napi_delete_reference(env, self_);
  if (callback_ != nullptr) napi_delete_reference(env, callback_);
  self_ = callback_ = nullptr;
  ReleaseContext(env);
}

void Watch::ReleaseContext(napi_env env) {
  if (context_ != nullptr) napi_async_destroy(env, context_);
  context_ = nullptr;
}

// The watch that a method was called on; nullptr for an object that script made by the class's constructor.
Watch* Watch::Of(napi_env env, napi_callback_info info, size_t count, napi_value* arguments) {
  napi_value self;
  void* watch = nullptr;
  if (napi_get_cb_info(env, info, &count, arguments, &self, nullptr) != napi_ok) return nullptr;
  return napi_unwrap(env, self, &watch) == napi_ok ? static_cast<Watch*>(watch) : nullptr;
}

napi_value Watch::Set(napi_env env, napi_callback_info info) {
  napi_value argument;
  napi_value result = nullptr;
  int events;
  Watch* watch = Of(env, info, 1, &argument);
  int error = -EBADF;
  if (watch != nullptr && watch->fd_ >= 0) {
    const bool valid = Read(env, argument, &events) && (events & ~kEvents) == 0;
    error = valid ? watch->WaitFor(events) : -EINVAL;
  }
  napi_create_int32(env, error, &result);
  return result;
}

napi_value Watch::Ref(napi_env env, napi_callback_info info) {
  Watch* watch = Of(env, info, 0, nullptr);
  if (watch != nullptr && watch->fd_ >= 0) uv_ref(reinterpret_cast<uv_handle_t*>(&watch->poll_));
  return nullptr;
}

napi_value Watch::Unref(napi_env env, napi_callback_info info) {
  Watch* watch = Of(env, info, 0, nullptr);
  if (watch != nullptr && watch->fd_ >= 0) uv_unref(reinterpret_cast<uv_handle_t*>(&watch->poll_));
  return nullptr;
}

napi_value Watch::CloseFromScript(napi_env env, napi_callback_info info) {
  Watch* watch = Of(env, info, 0, nullptr);
  if (watch != nullptr) watch->Close();
  return nullptr;
}

int Watch::WaitFor(int events) {
  // uv_poll_start takes the descriptor out of the epoll set and puts it back, even for the same events.
  if (events == events_) return 0;
  const int error = events == 0 ? uv_poll_stop(&poll_) : uv_poll_start(&poll_, events, OnReady);
  if (error == 0) Remember(events);
  return error;
}

void Watch::Remember(int events) {
  if (self_ != nullptr) {
    if (events_ == 0 && events != 0) napi_reference_ref(environment_->env(), self_, nullptr);
    if (events_ != 0 && events == 0) napi_reference_unref(environment_->env(), self_, nullptr);
  }
  events_ = events;
}

void Watch::OnReady(uv_poll_t* poll, int status, int events) {
  Watch* const watch = static_cast<Watch*>(poll->data);
  const napi_env env = watch->environment_->env();
  const Napi::HandleScope scope(env);
  napi_value self;
  napi_value callback;
  napi_value argument;
  if (napi_get_reference_value(env, watch->self_, &self) != napi_ok ||
      napi_get_reference_value(env, watch->callback_, &callback) != napi_ok) {
    return;
  }
  if (status < 0) {
    // POLLERR. libuv has stopped the poll, and says UV_EBADF whatever the error is: it is for the next call to tell.
    watch->Remember(0);
    events = kFailure;
  }
  if (napi_create_int32(env, events, &argument) != napi_ok) return;
  if (napi_make_callback(env, watch->context_, self, callback, 1, &argument, nullptr) == napi_pending_exception) {
    ReportException(env);
  }
}

void Watch::Close() {
  if (fd_ < 0) return;
  Remember(0);
  environment_->OnWatchClosing(this);
  // Takes the descriptor out of the epoll set at once. It must be out before it is closed: the set knows the open file,
  // not the number, and the file lives on where another process has a duplicate.
  uv_close(reinterpret_cast<uv_handle_t*>(&poll_), OnClosed);
  environment_->descriptors().Close(fd_);
  fd_ = -1;
}

void Watch::OnClosed(uv_handle_t* poll) {
  Watch* const watch = static_cast<Watch*>(poll->data);
  Environment* const environment = watch->environment_;
  watch->closed_ = true;
  {
    // Now and not in the finalizer: from Node 24 on the context holds the AsyncLocalStorage's store, and where that
    // leads back to the watch there would never be a finalizer. Not in Close, which a callback in this very context may
    // call.
    const Napi::HandleScope scope(environment->env());
    watch->ReleaseContext(environment->env());
  }
  if (watch->finalized_) delete watch;
  environment->OnWatchClosed();
}

void Watch::Finalize(napi_env env, void* data, void*) {
  Watch* const watch = static_cast<Watch*>(data);
  watch->ReleaseScript(env);
  watch->Close();
  watch->finalized_ = true;
  if (watch->closed_) delete watch;
}

}  // namespace polysocket
