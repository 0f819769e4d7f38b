#pragma once

#include <node_api.h>

// The functions of `Addon` in src/engine/addon.ts, where each is described.
namespace polysocket {

// Calls on the socket itself: calls.cc.
napi_value Socket(napi_env env, napi_callback_info info);
napi_value SocketPair(napi_env env, napi_callback_info info);
napi_value Bind(napi_env env, napi_callback_info info);
napi_value Connect(napi_env env, napi_callback_info info);
napi_value Listen(napi_env env, napi_callback_info info);
napi_value Accept(napi_env env, napi_callback_info info);
napi_value GetSockName(napi_env env, napi_callback_info info);
napi_value GetPeerName(napi_env env, napi_callback_info info);
napi_value GetSockOpt(napi_env env, napi_callback_info info);
napi_value SetSockOpt(napi_env env, napi_callback_info info);
napi_value Shutdown(napi_env env, napi_callback_info info);
napi_value Own(napi_env env, napi_callback_info info);
napi_value Adopt(napi_env env, napi_callback_info info);
napi_value Release(napi_env env, napi_callback_info info);
napi_value Close(napi_env env, napi_callback_info info);
napi_value Duplicate(napi_env env, napi_callback_info info);

// Calls that move the bytes of a stream: streams.cc.
napi_value Recv(napi_env env, napi_callback_info info);
napi_value Send(napi_env env, napi_callback_info info);
napi_value Sendv(napi_env env, napi_callback_info info);
napi_value RecvFds(napi_env env, napi_callback_info info);

// Memory to receive into: slabs.cc.
napi_value Slab(napi_env env, napi_callback_info info);

// Calls that move messages: messages.cc.
napi_value SendMsg(napi_env env, napi_callback_info info);
napi_value Sendmmsg(napi_env env, napi_callback_info info);
napi_value Recvmmsg(napi_env env, napi_callback_info info);

}  // namespace polysocket
