#include <napi.h>

#include <iterator>

#include "callback.h"
#include "calls.h"
#include "closing.h"
#include "environment.h"
#include "watch.h"

namespace polysocket {
namespace {

// The interface `Addon` of src/engine/addon.ts.
Napi::Object Init(Napi::Env env, Napi::Object exports) {
  Environment* const environment = Environment::Create(env);
  if (environment == nullptr) return exports;
  const auto function = [environment](const char* name, napi_callback callback) {
    return napi_property_descriptor{name, nullptr, callback, nullptr, nullptr, nullptr, napi_enumerable, environment};
  };
  const napi_property_descriptor functions[] = {
      function("socket", Socket),
      function("socketpair", SocketPair),
      function("bind", Bind),
      function("connect", Connect),
      function("listen", Listen),
      function("accept", Accept),
      function("getsockname", GetSockName),
      function("getpeername", GetPeerName),
      function("getsockopt", GetSockOpt),
      function("setsockopt", SetSockOpt),
      function("shutdown", Shutdown),
      function("own", Own),
      function("adopt", Adopt),
      function("release", Release),
      function("close", Close),
      function("duplicate", Duplicate),
      function("recv", Recv),
      function("send", Send),
      function("sendv", Sendv),
      function("sendmsg", SendMsg),
      function("sendmmsg", Sendmmsg),
      function("recvmmsg", Recvmmsg),
      function("recvfds", RecvFds),
      function("slab", Slab),
      function("watch", Watch::Open),
      function("wait", Watch::Wait),
      function("ref", Watch::Ref),
      function("unref", Watch::Unref),
      function("report", Report),
      function("outside", Outside::Run),
      function("tellClosed", TellClosed),
  };
  napi_define_properties(env, exports, std::size(functions), functions);
  return exports;
}

}  // namespace
}  // namespace polysocket

using polysocket::Init;
NODE_API_MODULE(polysocket, Init)
