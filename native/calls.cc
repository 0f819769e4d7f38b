#include "calls.h"

#include <fcntl.h>
#include <sys/socket.h>

#include "call.h"
#include "watch.h"

namespace polysocket {
namespace {

constexpr int kTypeFlags = SOCK_CLOEXEC | SOCK_NONBLOCK;

bool IsUndefined(napi_env env, napi_value value) {
  napi_valuetype type;
  return napi_typeof(env, value, &type) == napi_ok && type == napi_undefined;
}

// getsockname(2) and getpeername(2).
napi_value GetName(napi_env env, napi_callback_info info, int (*get)(int, sockaddr*, socklen_t*)) {
  Call call(env, info);
  int fd;
  Bytes name;
  if (!call.Read(&fd, &name)) return call.Return(-EINVAL);
  socklen_t length = LengthOf(name);
  const int64_t result = Retry([&] { return get(fd, reinterpret_cast<sockaddr*>(name.data), &length); });
  return call.Return(result < 0 ? result : length);
}

}  // namespace

napi_value Socket(napi_env env, napi_callback_info info) {
  Call call(env, info);
  int domain;
  int type;
  int protocol;
  if (!call.Read(&domain, &type, &protocol)) return call.Return(-EINVAL);
  const int64_t fd = Retry([&] { return socket(domain, type | kTypeFlags, protocol); });
  if (fd >= 0) call.environment().descriptors().Own(static_cast<int>(fd));
  return call.Return(fd);
}

napi_value SocketPair(napi_env env, napi_callback_info info) {
  Call call(env, info);
  int domain;
  int type;
  int protocol;
  Words fds;
  if (!call.Read(&domain, &type, &protocol, &fds) || fds.length < 2) return call.Return(-EINVAL);
  int pair[2];
  const int64_t result = Retry([&] { return socketpair(domain, type | kTypeFlags, protocol, pair); });
  if (result < 0) return call.Return(result);
  for (int i = 0; i < 2; i++) {
    call.environment().descriptors().Own(pair[i]);
    fds.data[i] = pair[i];
  }
  return call.Return(0);
}

napi_value Bind(napi_env env, napi_callback_info info) {
  Call call(env, info);
  int fd;
  Name name;
  if (!call.Read(&fd, &name)) return call.Return(-EINVAL);
  return call.Return(Retry([&] { return bind(fd, name.data, name.length); }));
}

napi_value Connect(napi_env env, napi_callback_info info) {
  Call call(env, info);
  int fd;
  Name name;
  if (!call.Read(&fd, &name)) return call.Return(-EINVAL);
  // Not retried: an interrupted connect goes on by itself, and a second one would only be told EALREADY. A non-blocking
  // one has nothing to interrupt anyway.
  return call.Return(connect(fd, name.data, name.length) == -1 ? -errno : 0);
}

napi_value Listen(napi_env env, napi_callback_info info) {
  Call call(env, info);
  int fd;
  int backlog;
  if (!call.Read(&fd, &backlog)) return call.Return(-EINVAL);
  return call.Return(Retry([&] { return listen(fd, backlog); }));
}

napi_value Accept(napi_env env, napi_callback_info info) {
  Call call(env, info);
  int listener;
  Bytes name;
  Words name_length;
  if (!call.Read(&listener, &name, &name_length) || name_length.length < 1) return call.Return(-EINVAL);
  socklen_t length;
  const int64_t fd = Retry([&] {
    length = LengthOf(name);
    return accept4(listener, reinterpret_cast<sockaddr*>(name.data), &length, kTypeFlags);
  });
  if (fd < 0) return call.Return(fd);
  call.environment().descriptors().Own(static_cast<int>(fd));
  name_length.data[0] = static_cast<int32_t>(length);
  return call.Return(fd);
}

napi_value GetSockName(napi_env env, napi_callback_info info) { return GetName(env, info, getsockname); }

napi_value GetPeerName(napi_env env, napi_callback_info info) { return GetName(env, info, getpeername); }

napi_value GetSockOpt(napi_env env, napi_callback_info info) {
  Call call(env, info);
  int fd;
  int level;
  int option;
  Bytes value;
  if (!call.Read(&fd, &level, &option, &value)) return call.Return(-EINVAL);
  socklen_t length = LengthOf(value);
  const int64_t result = Retry([&] { return getsockopt(fd, level, option, value.data, &length); });
  return call.Return(result < 0 ? result : length);
}

napi_value SetSockOpt(napi_env env, napi_callback_info info) {
  Call call(env, info);
  int fd;
  int level;
  int option;
  Bytes value;
  if (!call.Read(&fd, &level, &option, &value)) return call.Return(-EINVAL);
  return call.Return(Retry([&] { return setsockopt(fd, level, option, value.data, LengthOf(value)); }));
}

napi_value Shutdown(napi_env env, napi_callback_info info) {
  Call call(env, info);
  int fd;
  int how;
  if (!call.Read(&fd, &how)) return call.Return(-EINVAL);
  return call.Return(Retry([&] { return shutdown(fd, how); }));
}

napi_value Own(napi_env env, napi_callback_info info) {
  Call call(env, info);
  int fd;
  if (!call.Read(&fd)) return call.Return(-EINVAL);
  Descriptors& descriptors = call.environment().descriptors();
  if (fcntl(fd, F_GETFD) == -1) return call.Return(-errno);
  if (descriptors.Owns(fd)) return call.Return(-EEXIST);
  descriptors.Own(fd);
  return call.Return(0);
}

napi_value Adopt(napi_env env, napi_callback_info info) {
  Call call(env, info);
  int fd;
  if (!call.Read(&fd)) return call.Return(-EINVAL);
  Descriptors& descriptors = call.environment().descriptors();
  const int flags = fcntl(fd, F_GETFL);
  if (flags == -1) return call.Return(-errno);
  if (descriptors.Owns(fd)) return call.Return(-EEXIST);
  if (fcntl(fd, F_SETFL, flags | O_NONBLOCK) == -1 || fcntl(fd, F_SETFD, FD_CLOEXEC) == -1) return call.Return(-errno);
  descriptors.Own(fd);
  return call.Return(0);
}

napi_value Release(napi_env env, napi_callback_info info) {
  Call call(env, info);
  int fd;
  if (!call.Read(&fd)) return call.Return(-EINVAL);
  Descriptors& descriptors = call.environment().descriptors();
  if (!descriptors.Owns(fd) || descriptors.WatchOf(fd) != nullptr) return call.Return(-EBADF);
  descriptors.Disown(fd);
  return call.Return(0);
}

napi_value Close(napi_env env, napi_callback_info info) {
  Call call(env, info);
  int fd;
  Any owner;
  if (!call.Read(&fd, &owner)) return call.Return(-EINVAL);
  Descriptors& descriptors = call.environment().descriptors();
  if (!descriptors.Owns(fd)) return call.Return(-EBADF);
  Watch* const watch = descriptors.WatchOf(fd);
  const bool is_owner = watch == nullptr ? IsUndefined(env, owner.value) : watch->IsOwnedBy(owner.value);
  if (!is_owner) return call.Return(-EBADF);
  if (watch != nullptr) watch->Stop();
  return call.Return(descriptors.Close(fd) == -1 ? -errno : 0);
}

napi_value Duplicate(napi_env env, napi_callback_info info) {
  Call call(env, info);
  int fd;
  if (!call.Read(&fd)) return call.Return(-EINVAL);
  const int64_t copy = Retry([&] { return fcntl(fd, F_DUPFD_CLOEXEC, 0); });
  if (copy >= 0) call.environment().descriptors().Own(static_cast<int>(copy));
  return call.Return(copy);
}

}  // namespace polysocket
