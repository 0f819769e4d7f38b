#pragma once

#include <node_api.h>

#include <cstddef>
#include <vector>

namespace polysocket {

// A JavaScript function that is held while somebody uses it, by one reference however many there are.
struct SharedCallback {
  napi_ref function;
  size_t users;
};

// The functions that watches call: one for a class of targets, so very few.
class SharedCallbacks {
 public:
  // nullptr where there is no memory, or the environment is on its way out.
  SharedCallback* Take(napi_env env, napi_value function);
  void Release(napi_env env, SharedCallback* callback);

 private:
  std::vector<SharedCallback*> callbacks_;
};

}  // namespace polysocket
