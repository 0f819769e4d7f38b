#include "call.h"

namespace polysocket {
namespace {

// Numbers are read as doubles so that 1.5, NaN and 2^32 are refused, where the conversion to int32 would make some
// other descriptor of them.
bool ReadNumber(napi_env env, napi_value value, double minimum, double maximum, double* target) {
  return napi_get_value_double(env, value, target) == napi_ok && *target >= minimum && *target <= maximum;
}

bool ReadTypedArray(napi_env env, napi_value value, napi_typedarray_type wanted, void** data, size_t* length) {
  napi_typedarray_type type;
  return napi_get_typedarray_info(env, value, &type, length, data, nullptr, nullptr) == napi_ok && type == wanted;
}

}  // namespace

bool Read(napi_env env, napi_value value, int* target) {
  double number;
  if (!ReadNumber(env, value, std::numeric_limits<int>::min(), std::numeric_limits<int>::max(), &number)) return false;
  *target = static_cast<int>(number);
  return *target == number;
}

bool Read(napi_env env, napi_value value, size_t* target) {
  // The largest length that JavaScript can say, or that fits.
  constexpr double kMaximum = sizeof(size_t) > 4 ? 9007199254740991.0 : 4294967295.0;
  double number;
  if (!ReadNumber(env, value, 0, kMaximum, &number)) return false;
  *target = static_cast<size_t>(number);
  return static_cast<double>(*target) == number;
}

bool Read(napi_env env, napi_value value, Bytes* target) {
  void* data;
  if (!ReadTypedArray(env, value, napi_uint8_array, &data, &target->length)) return false;
  target->data = static_cast<uint8_t*>(data);
  return true;
}

bool Read(napi_env env, napi_value value, Words* target) {
  void* data;
  if (!ReadTypedArray(env, value, napi_int32_array, &data, &target->length)) return false;
  target->data = static_cast<int32_t*>(data);
  return true;
}

bool Read(napi_env env, napi_value value, Name* target) {
  Bytes bytes;
  if (!Read(env, value, &bytes) || bytes.length > kNameSize) return false;
  target->data = bytes.length == 0 ? nullptr : reinterpret_cast<sockaddr*>(bytes.data);
  target->length = static_cast<socklen_t>(bytes.length);
  return true;
}

bool Read(napi_env env, napi_value value, Array* target) {
  bool is_array = false;
  if (napi_is_array(env, value, &is_array) != napi_ok || !is_array) return false;
  target->value = value;
  return napi_get_array_length(env, value, &target->length) == napi_ok;
}

bool Read(napi_env env, napi_value value, Function* target) {
  napi_valuetype type;
  target->value = value;
  return napi_typeof(env, value, &type) == napi_ok && type == napi_function;
}

bool Read(napi_env env, napi_value value, Object* target) {
  napi_valuetype type;
  target->value = value;
  return napi_typeof(env, value, &type) == napi_ok && type == napi_object;
}

bool Read(napi_env, napi_value value, Any* target) {
  target->value = value;
  return true;
}

}  // namespace polysocket
