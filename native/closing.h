#pragma once

#include <node_api.h>

namespace polysocket {

// A function of `Addon` in src/engine/addon.ts.
napi_value TellClosed(napi_env env, napi_callback_info info);

}  // namespace polysocket
