#include "shared-callbacks.h"

#include <algorithm>

namespace polysocket {

SharedCallback* SharedCallbacks::Take(napi_env env, napi_value function) {
  for (SharedCallback* each : callbacks_) {
    napi_value known;
    bool same = false;
    if (napi_get_reference_value(env, each->function, &known) == napi_ok &&
        napi_strict_equals(env, known, function, &same) == napi_ok && same) {
      each->users++;
      return each;
    }
  }
  napi_ref reference;
  if (napi_create_reference(env, function, 1, &reference) != napi_ok) return nullptr;
  callbacks_.push_back(new SharedCallback{reference, 1});
  return callbacks_.back();
}

void SharedCallbacks::Release(napi_env env, SharedCallback* callback) {
  if (--callback->users > 0) return;
  callbacks_.erase(std::find(callbacks_.begin(), callbacks_.end(), callback));
  napi_delete_reference(env, callback->function);
  delete callback;
}

}  // namespace polysocket
