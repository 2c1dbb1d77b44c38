//===- runtime/core/Scalar.h - what elementwise ops do to one element -----===//
//
// The one table of scalar semantics: the IR's evaluator (float32, int64, and
// float64 inside maps) and the plans' public section have it in common. Enums
// of ops name their members alike (Neg, Add, ...), so each table takes any of
// them. A table hands the op's function to `use` and answers whether the op is
// one of its own.
//
//   bool known = scalar::unary<scalar::CMath, float>(
//       op, [&](auto f) { for (float &x : xs) x = f(x); });
//
// Integers wrap modulo 2^64; whoever divides has checked for zero. `Math` gives
// the transcendental functions: CMath, or functions that agree between
// machines.
//
//===----------------------------------------------------------------------===//
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

namespace mpc::core::scalar {

/// The C library's functions.
struct CMath {
  template <class T> static T exp(T x) { return std::exp(x); }
  template <class T> static T log(T x) { return std::log(x); }
  template <class T> static T sin(T x) { return std::sin(x); }
  template <class T> static T cos(T x) { return std::cos(x); }
  template <class T> static T atan(T x) { return std::atan(x); }
  template <class T> static T erf(T x) { return std::erf(x); }
  template <class T> static T tanh(T x) { return std::tanh(x); }
  template <class T> static T pow(T x, T y) { return std::pow(x, y); }
};

//===--------------------------------------------------------------------===//
// Integers
//===--------------------------------------------------------------------===//

inline int64_t neg(int64_t x) {
  return static_cast<int64_t>(-static_cast<uint64_t>(x));
}
inline int64_t div(int64_t x, int64_t y) { return y == -1 ? neg(x) : x / y; }
/// The rest has the sign of x.
inline int64_t truncMod(int64_t x, int64_t y) { return y == -1 ? 0 : x % y; }
inline int64_t pow(int64_t base, int64_t exponent) {
  if (exponent < 0)
    return base == 1 ? 1 : base == -1 ? (exponent % 2 ? -1 : 1) : 0;
  uint64_t result = 1, b = static_cast<uint64_t>(base);
  for (auto e = static_cast<uint64_t>(exponent); e; e >>= 1, b *= b)
    if (e & 1)
      result *= b;
  return static_cast<int64_t>(result);
}
/// f on uint64, where overflow is defined.
template <class F> auto wrapped(F f) {
  return [f](int64_t x, int64_t y) {
    return static_cast<int64_t>(
        f(static_cast<uint64_t>(x), static_cast<uint64_t>(y)));
  };
}

template <class T>
requires std::is_floating_point_v<T> T truncMod(T x, T y) {
  return std::fmod(x, y);
}
/// The rest has the sign of y.
template <class T> T floorMod(T x, T y) {
  const T r = truncMod(x, y);
  return r != 0 && (r < 0) != (y < 0) ? r + y : r;
}

/// Truncates; values beyond int64 saturate and NaN becomes 0.
inline int64_t toInt(float x) {
  if (x != x)
    return 0;
  if (x >= 0x1p63f)
    return std::numeric_limits<int64_t>::max();
  return x < -0x1p63f ? std::numeric_limits<int64_t>::min()
                      : static_cast<int64_t>(x);
}

//===--------------------------------------------------------------------===//
// Tables
//===--------------------------------------------------------------------===//

/// T to T.
template <class Math, class T, class Op, class Use> bool unary(Op op, Use use) {
  constexpr bool kReal = std::is_floating_point_v<T>;
  switch (op) {
  case Op::Neg:
    if constexpr (kReal)
      use([](T x) { return -x; });
    else
      use(neg);
    return true;
  case Op::Abs:
    if constexpr (kReal)
      use([](T x) { return std::fabs(x); });
    else
      use([](T x) { return x < 0 ? neg(x) : x; });
    return true;
  case Op::Sign:
    use([](T x) { return static_cast<T>((x > 0) - (x < 0)); });
    return true;
  case Op::Relu:
    use([](T x) { return x < 0 ? T{0} : x; });
    return true;
  case Op::Not:
    use([](T x) { return static_cast<T>(x == 0); });
    return true;
  default:
    break;
  }
  if constexpr (kReal)
    switch (op) {
    case Op::Floor:
      return use([](T x) { return std::floor(x); }), true;
    case Op::Ceil:
      return use([](T x) { return std::ceil(x); }), true;
    case Op::Round:
      return use([](T x) { return std::nearbyint(x); }), true;
    case Op::Exp:
      return use([](T x) { return Math::exp(x); }), true;
    case Op::Log:
      return use([](T x) { return Math::log(x); }), true;
    case Op::Sqrt:
      return use([](T x) { return std::sqrt(x); }), true;
    case Op::Rsqrt:
      return use([](T x) { return T{1} / std::sqrt(x); }), true;
    case Op::Recip:
      return use([](T x) { return T{1} / x; }), true;
    case Op::Erf:
      return use([](T x) { return Math::erf(x); }), true;
    case Op::Tanh:
      return use([](T x) { return Math::tanh(x); }), true;
    case Op::Sigmoid:
      return use([](T x) { return T{1} / (T{1} + Math::exp(-x)); }), true;
    case Op::Atan:
      return use([](T x) { return Math::atan(x); }), true;
    case Op::Sin:
      return use([](T x) { return Math::sin(x); }), true;
    case Op::Cos:
      return use([](T x) { return Math::cos(x); }), true;
    default:
      break;
    }
  return false;
}

/// Two T to T. Mod has the divisor's sign.
template <class Math, class T, class Op, class Use>
bool binary(Op op, Use use) {
  switch (op) { // truth is 0 and 1
  case Op::And:
    return use([](T x, T y) { return T(x != 0 && y != 0); }), true;
  case Op::Or:
    return use([](T x, T y) { return T(x != 0 || y != 0); }), true;
  case Op::Xor:
    return use([](T x, T y) { return T((x != 0) != (y != 0)); }), true;
  default:
    break;
  }
  if constexpr (std::is_floating_point_v<T>)
    switch (op) {
    case Op::Add:
      return use([](T x, T y) { return x + y; }), true;
    case Op::Sub:
      return use([](T x, T y) { return x - y; }), true;
    case Op::Mul:
      return use([](T x, T y) { return x * y; }), true;
    case Op::Div:
      return use([](T x, T y) { return x / y; }), true;
    case Op::Mod:
      return use([](T x, T y) { return floorMod(x, y); }), true;
    case Op::Pow:
      return use([](T x, T y) { return Math::pow(x, y); }), true;
    case Op::Max: // a NaN operand wins
      return use([](T x, T y) { return x > y || x != x ? x : y; }), true;
    case Op::Min:
      return use([](T x, T y) { return x < y || x != x ? x : y; }), true;
    default:
      return false;
    }
  else
    switch (op) {
    case Op::Add:
      return use(wrapped([](uint64_t x, uint64_t y) { return x + y; })), true;
    case Op::Sub:
      return use(wrapped([](uint64_t x, uint64_t y) { return x - y; })), true;
    case Op::Mul:
      return use(wrapped([](uint64_t x, uint64_t y) { return x * y; })), true;
    case Op::Div:
      return use(div), true;
    case Op::Mod:
      return use([](T x, T y) { return floorMod(x, y); }), true;
    case Op::Pow:
      return use([](T x, T y) { return pow(x, y); }), true;
    case Op::Max:
      return use([](T x, T y) { return std::max(x, y); }), true;
    case Op::Min:
      return use([](T x, T y) { return std::min(x, y); }), true;
    default:
      return false;
    }
}

/// Two T to bool.
template <class T, class Op, class Use> bool comparison(Op op, Use use) {
  switch (op) {
  case Op::Less:
    return use([](T x, T y) { return x < y; }), true;
  case Op::LessEqual:
    return use([](T x, T y) { return x <= y; }), true;
  case Op::Equal:
    return use([](T x, T y) { return x == y; }), true;
  default:
    return false;
  }
}

} // namespace mpc::core::scalar
