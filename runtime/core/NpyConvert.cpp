//===- runtime/core/NpyConvert.cpp - exact conversions of arrays ----------===//
#include "runtime/core/Npy.h"

#include <bit>
#include <cmath>
#include <fmt/format.h>
#include <limits>

namespace mpc::core {
namespace {

/// Calls f(span of the native element type). Float16 arrives as its bits.
template <class F> auto visit(const NpyArray &a, F f) {
  switch (a.dtype) {
  case DType::Bool:
  case DType::U8:
    return f(a.as<uint8_t>());
  case DType::I8:
    return f(a.as<int8_t>());
  case DType::I16:
    return f(a.as<int16_t>());
  case DType::U16:
  case DType::F16:
    return f(a.as<uint16_t>());
  case DType::I32:
    return f(a.as<int32_t>());
  case DType::U32:
    return f(a.as<uint32_t>());
  case DType::I64:
    return f(a.as<int64_t>());
  case DType::U64:
    return f(a.as<uint64_t>());
  case DType::F32:
    return f(a.as<float>());
  case DType::F64:
    return f(a.as<double>());
  }
  __builtin_unreachable();
}

template <class V> Error inexact(size_t i, V v, const char *type) {
  return Error{fmt::format("element {} is {}, which is no {}", i, v, type)};
}

/// v if it is a float exactly. The bound keeps the way back defined: a float
/// at or above 2^63 (2^64) has no int64_t (uint64_t).
template <class V> bool exactFloat(V v, float &out) {
  out = static_cast<float>(v);
  if constexpr (std::is_same_v<V, double>)
    return std::isnan(v) || static_cast<double>(out) == v;
  else if constexpr (std::is_same_v<V, float>)
    return true;
  else
    return out < std::ldexp(1.0f, std::numeric_limits<V>::digits) &&
           static_cast<V>(out) == v;
}

} // namespace

float halfToFloat(uint16_t h) {
  uint32_t sign = uint32_t{h & 0x8000u} << 16;
  uint32_t exponent = (h >> 10) & 31, fraction = h & 0x3ff;
  if (exponent == 31)
    return std::bit_cast<float>(sign | 0x7f800000u | fraction << 13);
  if (exponent == 0) { // zero or subnormal: fraction * 2^-24, exact
    float v = static_cast<float>(fraction) * 0x1p-24f;
    return sign ? -v : v;
  }
  return std::bit_cast<float>(sign | (exponent + 112) << 23 | fraction << 13);
}

Result<std::vector<float>> toFloat32(const NpyArray &a, NonFinite nonFinite) {
  bool half = a.dtype == DType::F16;
  return visit(a, [&](auto values) -> Result<std::vector<float>> {
    std::vector<float> out(values.size());
    for (size_t i = 0; i < values.size(); ++i) {
      if (half)
        out[i] = halfToFloat(static_cast<uint16_t>(values[i]));
      else if (!exactFloat(values[i], out[i]))
        return inexact(i, values[i], "exact float32");
      if (nonFinite == NonFinite::Refuse && !std::isfinite(out[i]))
        return inexact(i, out[i], "finite number");
    }
    return out;
  });
}

Result<std::vector<int64_t>> toInt64(const NpyArray &a) {
  bool half = a.dtype == DType::F16;
  return visit(a, [&](auto values) -> Result<std::vector<int64_t>> {
    using V = typename decltype(values)::value_type;
    std::vector<int64_t> out(values.size());
    for (size_t i = 0; i < values.size(); ++i) {
      V v = values[i];
      if (half || std::is_floating_point_v<V>) {
        double d = half ? halfToFloat(static_cast<uint16_t>(v))
                        : static_cast<double>(v);
        // False for NaN too.
        if (!(d >= -0x1p63 && d < 0x1p63 && d == std::trunc(d)))
          return inexact(i, d, "int64");
        out[i] = static_cast<int64_t>(d);
      } else {
        if (std::is_same_v<V, uint64_t> && static_cast<uint64_t>(v) >> 63 != 0)
          return inexact(i, v, "int64");
        out[i] = static_cast<int64_t>(v);
      }
    }
    return out;
  });
}

} // namespace mpc::core
