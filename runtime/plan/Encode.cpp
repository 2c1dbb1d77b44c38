//===- runtime/plan/Encode.cpp --------------------------------------------===//
#include "runtime/plan/Encode.h"

#include "runtime/core/Ring.h"
#include "runtime/core/Secret.h"

#include <cassert>
#include <cmath>
#include <cstring>
#include <fmt/format.h>
#include <limits>

namespace mpc::plan {
namespace {

using core::DType;
using core::NpyArray;

template <class T>
NpyArray arrayOf(DType dtype, const core::Shape &shape,
                 const std::vector<T> &values) {
  NpyArray a{dtype, shape, std::vector<uint8_t>(values.size() * sizeof(T))};
  if (!values.empty())
    std::memcpy(a.bytes.data(), values.data(), a.bytes.size());
  return a;
}

/// The binary16 bits of v, if it is one.
std::optional<uint16_t> halfBits(float v) {
  uint16_t sign = std::signbit(v) ? 0x8000 : 0;
  if (std::isnan(v))
    return static_cast<uint16_t>(sign | 0x7e00);
  float m = std::fabs(v);
  if (std::isinf(m))
    return static_cast<uint16_t>(sign | 0x7c00);
  if (m == 0)
    return sign;
  int e = std::max(std::ilogb(m), -14);
  float units = std::ldexp(m, 10 - e); // of the last place; < 2048
  if (e > 15 || units != std::trunc(units))
    return std::nullopt;
  // A subnormal has units < 1024 at e = -14, exponent field 0.
  return static_cast<uint16_t>(sign + static_cast<int>(units) +
                               (e + 14) * 1024);
}

Error no(size_t i, auto v, DType to) {
  return Error{
      fmt::format("element {} is {}, which is no {}", i, v, dtypeName(to))};
}

template <class T>
Result<NpyArray> toInteger(const NpyArray &array, DType to, bool boolean) {
  Result<std::vector<int64_t>> v = core::toInt64(array);
  if (!v)
    return v.error();
  std::vector<T> out(v->size());
  for (size_t i = 0; i < out.size(); ++i) {
    out[i] = static_cast<T>((*v)[i]);
    if (static_cast<int64_t>(out[i]) != (*v)[i] ||
        (std::is_same_v<T, uint64_t> && (*v)[i] < 0) || (boolean && out[i] > 1))
      return no(i, (*v)[i], to);
  }
  return arrayOf(to, array.shape, out);
}

Result<NpyArray> toDouble(const NpyArray &array) {
  std::vector<double> out;
  if (core::isFloat(array.dtype)) {
    Result<std::vector<float>> v =
        core::toFloat32(array, core::NonFinite::Allow);
    if (!v)
      return v.error();
    out.assign(v->begin(), v->end());
  } else {
    Result<std::vector<int64_t>> v = core::toInt64(array);
    if (!v)
      return v.error();
    for (size_t i = 0; i < v->size(); ++i) {
      int64_t x = (*v)[i];
      double d = static_cast<double>(x);
      if (!(d < 0x1p63) || static_cast<int64_t>(d) != x)
        return no(i, x, DType::F64);
      out.push_back(d);
    }
  }
  return arrayOf(DType::F64, array.shape, out);
}

Status checkShape(const char *kind, const std::string &name,
                  const core::Shape &want, const NpyArray &array) {
  if (array.shape == want)
    return {};
  return Error{fmt::format("{} '{}' has shape {}, expected {}", kind, name,
                           core::toString(array.shape), core::toString(want))};
}

Error inInput(const InputInfo &info, const std::string &what) {
  return Error{fmt::format("input '{}': {}", info.name, what)};
}

/// Calls f(i, value) for each element of a converted array.
template <class F> void forEach(const NpyArray &a, F f) {
  auto all = [&](auto span) {
    for (size_t i = 0; i < span.size(); ++i)
      f(i, span[i]);
  };
  switch (a.dtype) {
  case DType::F64:
    return all(a.as<double>());
  case DType::F32:
    return all(a.as<float>());
  case DType::F16: {
    std::span<const uint16_t> bits = a.as<uint16_t>();
    for (size_t i = 0; i < bits.size(); ++i)
      f(i, core::halfToFloat(bits[i]));
    return;
  }
  case DType::Bool:
  case DType::U8:
    return all(a.as<uint8_t>());
  case DType::I8:
    return all(a.as<int8_t>());
  case DType::I16:
    return all(a.as<int16_t>());
  case DType::U16:
    return all(a.as<uint16_t>());
  case DType::I32:
    return all(a.as<int32_t>());
  case DType::U32:
    return all(a.as<uint32_t>());
  case DType::I64:
    return all(a.as<int64_t>());
  case DType::U64:
    return all(a.as<uint64_t>());
  }
}

} // namespace

Result<NpyArray> convertExactly(const NpyArray &array, DType to) {
  if (array.dtype == to)
    return array;
  switch (to) {
  case DType::F64:
    return toDouble(array);
  case DType::F32:
  case DType::F16: {
    Result<std::vector<float>> v =
        core::toFloat32(array, core::NonFinite::Allow);
    if (!v)
      return v.error();
    if (to == DType::F32)
      return arrayOf(to, array.shape, *v);
    std::vector<uint16_t> half(v->size());
    for (size_t i = 0; i < half.size(); ++i) {
      std::optional<uint16_t> h = halfBits((*v)[i]);
      if (!h)
        return no(i, (*v)[i], to);
      half[i] = *h;
    }
    return arrayOf(to, array.shape, half);
  }
  case DType::Bool:
    return toInteger<uint8_t>(array, to, true);
  case DType::U8:
    return toInteger<uint8_t>(array, to, false);
  case DType::I8:
    return toInteger<int8_t>(array, to, false);
  case DType::I16:
    return toInteger<int16_t>(array, to, false);
  case DType::U16:
    return toInteger<uint16_t>(array, to, false);
  case DType::I32:
    return toInteger<int32_t>(array, to, false);
  case DType::U32:
    return toInteger<uint32_t>(array, to, false);
  case DType::I64:
    return toInteger<int64_t>(array, to, false);
  case DType::U64:
    return toInteger<uint64_t>(array, to, false);
  }
  __builtin_unreachable();
}

Result<std::vector<uint64_t>> encodeInput(const InputInfo &info,
                                          const NpyArray &array) {
  MPC_TRY(checkShape("input", info.name, info.shape, array));
  Result<NpyArray> exact = convertExactly(array, info.dtype);
  if (!exact)
    return inInput(info, exact.error().message);
  std::vector<uint64_t> out(static_cast<size_t>(exact->size()));
  std::string error;
  forEach(*exact, [&](size_t i, auto v) {
    if (!error.empty())
      return;
    if constexpr (std::is_floating_point_v<decltype(v)>) {
      if (!std::isfinite(v)) {
        error =
            fmt::format("element {} is {}, which is no finite number", i, v);
        return;
      }
    }
    // Bounds beyond 2^53 of an integer are compared as doubles; the ring
    // holds them, which is what counts.
    double x = static_cast<double>(v);
    if (x < info.lo || x > info.hi) {
      error = fmt::format("element {} is {}, outside the declared range "
                          "[{}, {}]",
                          i, v, info.lo, info.hi);
      return;
    }
    if constexpr (std::is_floating_point_v<decltype(v)>) {
      // The verifier proved that the range fits the ring, unsigned if lo >= 0.
      double scaled = std::nearbyint(std::ldexp(x, info.frac));
      out[i] = scaled < 0 ? static_cast<uint64_t>(static_cast<int64_t>(scaled))
                          : static_cast<uint64_t>(scaled);
    } else {
      out[i] = static_cast<uint64_t>(v);
    }
    out[i] = core::reduce(out[i], info.ring);
  });
  core::wipe(exact->bytes.data(), exact->bytes.size());
  if (!error.empty())
    return inInput(info, error);
  return out;
}

namespace {

template <class F> NpyArray decode(const OutputInfo &info, size_t n, F value) {
  auto make = [&]<class T>(DType t, T) {
    std::vector<T> v(n);
    for (size_t i = 0; i < n; ++i)
      v[i] = static_cast<T>(value(i));
    return arrayOf(t, info.shape, v);
  };
  assert(static_cast<int64_t>(n) == core::numel(info.shape));
  switch (info.dtype) {
  case DType::F16:
  case DType::F32:
  case DType::F64:
    return make(DType::F32, float{});
  case DType::Bool: {
    std::vector<uint8_t> v(n);
    for (size_t i = 0; i < n; ++i)
      v[i] = value(i) != 0;
    return arrayOf(DType::Bool, info.shape, v);
  }
  case DType::U8:
    return make(info.dtype, uint8_t{});
  case DType::I8:
    return make(info.dtype, int8_t{});
  case DType::I16:
    return make(info.dtype, int16_t{});
  case DType::U16:
    return make(info.dtype, uint16_t{});
  case DType::I32:
    return make(info.dtype, int32_t{});
  case DType::U32:
    return make(info.dtype, uint32_t{});
  case DType::I64:
    return make(info.dtype, int64_t{});
  case DType::U64:
    return make(info.dtype, uint64_t{});
  }
  __builtin_unreachable();
}

} // namespace

NpyArray decodeOutput(const OutputInfo &info,
                      std::span<const uint64_t> elements) {
  if (core::isFloat(info.dtype))
    return decode(info, elements.size(), [&](size_t i) {
      return std::ldexp(
          static_cast<double>(core::toSigned(elements[i], info.ring)),
          -info.frac);
    });
  return decode(info, elements.size(), [&](size_t i) {
    return core::toSigned(elements[i], info.ring);
  });
}

NpyArray decodePublicOutput(const OutputInfo &info,
                            std::span<const double> values) {
  if (core::isFloat(info.dtype))
    return decode(info, values.size(), [&](size_t i) { return values[i]; });
  // A double beyond int64 has no integer; the nearest end stands for it.
  return decode(info, values.size(), [&](size_t i) {
    double v = std::nearbyint(values[i]);
    if (!(v >= -0x1p63))
      return std::numeric_limits<int64_t>::min();
    return v < 0x1p63 ? static_cast<int64_t>(v)
                      : std::numeric_limits<int64_t>::max();
  });
}

std::string guardFailure() {
  return "guard: a value left the range that the plan was calibrated for, so "
         "the answer would be wrong and is withheld; compile with calibration "
         "samples like this input or a larger --margin-bits ('mpcc emulate' "
         "names the value)";
}

Status checkBound(const BoundInfo &info, const NpyArray &array) {
  MPC_TRY(checkShape("bound input", info.name, info.shape, array));
  Result<NpyArray> exact = convertExactly(array, info.dtype);
  if (!exact)
    return Error{
        fmt::format("bound input '{}': {}", info.name, exact.error().message)};
  if (core::sha256(exact->bytes) != info.sha256)
    return Error{fmt::format("bound input '{}' differs from the array the plan "
                             "was compiled with",
                             info.name)};
  return {};
}

} // namespace mpc::plan
