#pragma once

#include <node_api.h>

#include <cstddef>

namespace polysocket {

// Calls a JavaScript function from the event loop, as Node calls its own callbacks: ticks and microtasks run after it, and
// what it throws is an uncaught exception.
void CallBack(napi_env env, napi_async_context context, napi_value target, napi_value function, size_t count,
              const napi_value* values);

// A function of `Addon` in src/engine/addon.ts.
napi_value Report(napi_env env, napi_callback_info info);

}  // namespace polysocket
