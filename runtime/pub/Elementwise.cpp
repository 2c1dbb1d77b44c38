//===- runtime/pub/Elementwise.cpp - elementwise ops ----------------------===//
#include "runtime/pub/Math.h"
#include "runtime/pub/Value.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

namespace mpc::pub {
namespace {

using plan::PublicElem;
using plan::PublicOp;

template <class In, class Out, class F>
void mapTo(const std::vector<In> &x, std::vector<Out> &y, F f) {
  for (size_t i = 0; i < y.size(); ++i)
    y[i] = static_cast<Out>(f(x[i]));
}

int64_t wrapNeg(int64_t x) {
  return static_cast<int64_t>(-static_cast<uint64_t>(x));
}

/// Of float32 arguments; null: not such an op.
using RealFn = float (*)(float);
RealFn realFunction(PublicOp op) {
  switch (op) {
  case PublicOp::Neg:
    return [](float x) { return -x; };
  case PublicOp::Abs:
    return [](float x) { return std::fabs(x); };
  case PublicOp::Sign:
    return [](float x) { return static_cast<float>((x > 0) - (x < 0)); };
  case PublicOp::Relu:
    return [](float x) { return x < 0 ? 0.0f : x; };
  case PublicOp::Floor:
    return [](float x) { return std::floor(x); };
  case PublicOp::Ceil:
    return [](float x) { return std::ceil(x); };
  case PublicOp::Round:
    return [](float x) { return std::nearbyint(x); };
  case PublicOp::Exp:
    return [](float x) { return static_cast<float>(expOf(x)); };
  case PublicOp::Log:
    return [](float x) { return static_cast<float>(logOf(x)); };
  case PublicOp::Sqrt:
    return [](float x) { return std::sqrt(x); };
  case PublicOp::Rsqrt:
    return [](float x) { return 1.0f / std::sqrt(x); };
  case PublicOp::Recip:
    return [](float x) { return 1.0f / x; };
  case PublicOp::Erf:
    return [](float x) { return static_cast<float>(erfOf(x)); };
  case PublicOp::Tanh:
    return [](float x) { return static_cast<float>(tanhOf(x)); };
  case PublicOp::Sigmoid:
    return
        [](float x) { return 1.0f / (1.0f + static_cast<float>(expOf(-x))); };
  case PublicOp::Sin:
    return [](float x) { return static_cast<float>(sinOf(x)); };
  case PublicOp::Cos:
    return [](float x) { return static_cast<float>(cosOf(x)); };
  case PublicOp::Atan:
    return [](float x) { return static_cast<float>(atanOf(x)); };
  default:
    return nullptr;
  }
}

using IntFn = int64_t (*)(int64_t);
IntFn intFunction(PublicOp op) {
  switch (op) {
  case PublicOp::Neg:
    return wrapNeg;
  case PublicOp::Abs:
    return [](int64_t x) { return x < 0 ? wrapNeg(x) : x; };
  case PublicOp::Sign:
    return [](int64_t x) -> int64_t { return (x > 0) - (x < 0); };
  case PublicOp::Relu:
    return [](int64_t x) -> int64_t { return x < 0 ? 0 : x; };
  case PublicOp::Not:
    return [](int64_t x) -> int64_t { return x == 0; };
  default:
    return nullptr;
  }
}

template <class T> const std::vector<T> &dataOf(const Value &v) {
  if constexpr (std::is_same_v<T, float>)
    return v.floats;
  else
    return v.ints;
}

template <class T, class Out, class F>
void zip(Args args, std::vector<Out> &out, const core::Shape &shape, F f) {
  const std::vector<T> &a = dataOf<T>(*args[0]), &b = dataOf<T>(*args[1]);
  forEachIndex<2>(shape,
                  {core::broadcastStrides(args[0]->shape, shape),
                   core::broadcastStrides(args[1]->shape, shape)},
                  {0, 0}, [&](size_t i, const std::array<int64_t, 2> &at) {
                    out[i] = static_cast<Out>(f(a[static_cast<size_t>(at[0])],
                                                b[static_cast<size_t>(at[1])]));
                  });
}

float floorMod(float x, float y) {
  const float r = std::fmod(x, y);
  return r != 0 && (r < 0) != (y < 0) ? r + y : r;
}
int64_t truncMod(int64_t x, int64_t y) { return y == -1 ? 0 : x % y; }
int64_t floorMod(int64_t x, int64_t y) {
  const int64_t r = truncMod(x, y);
  return r != 0 && (r < 0) != (y < 0) ? r + y : r;
}
int64_t wrapPow(int64_t base, int64_t exponent) {
  if (exponent < 0)
    return base == 1 ? 1 : base == -1 ? (exponent % 2 ? -1 : 1) : 0;
  uint64_t result = 1, b = static_cast<uint64_t>(base);
  for (auto e = static_cast<uint64_t>(exponent); e; e >>= 1, b *= b)
    if (e & 1)
      result *= b;
  return static_cast<int64_t>(result);
}

using RealFn2 = float (*)(float, float);
RealFn2 realFunction2(PublicOp op) {
  switch (op) {
  case PublicOp::Add:
    return [](float x, float y) { return x + y; };
  case PublicOp::Sub:
    return [](float x, float y) { return x - y; };
  case PublicOp::Mul:
    return [](float x, float y) { return x * y; };
  case PublicOp::Div:
    return [](float x, float y) { return x / y; };
  case PublicOp::Mod:
    return [](float x, float y) { return floorMod(x, y); };
  case PublicOp::FMod:
    return [](float x, float y) { return std::fmod(x, y); };
  case PublicOp::Pow:
    return [](float x, float y) { return static_cast<float>(powOf(x, y)); };
  case PublicOp::Max: // a NaN operand wins
    return [](float x, float y) { return x > y || x != x ? x : y; };
  case PublicOp::Min:
    return [](float x, float y) { return x < y || x != x ? x : y; };
  default:
    return nullptr;
  }
}

using IntFn2 = int64_t (*)(int64_t, int64_t);
IntFn2 intFunction2(PublicOp op) {
  switch (op) {
  case PublicOp::Add:
    return [](int64_t x, int64_t y) {
      return static_cast<int64_t>(static_cast<uint64_t>(x) +
                                  static_cast<uint64_t>(y));
    };
  case PublicOp::Sub:
    return [](int64_t x, int64_t y) {
      return static_cast<int64_t>(static_cast<uint64_t>(x) -
                                  static_cast<uint64_t>(y));
    };
  case PublicOp::Mul:
    return [](int64_t x, int64_t y) {
      return static_cast<int64_t>(static_cast<uint64_t>(x) *
                                  static_cast<uint64_t>(y));
    };
  case PublicOp::Div:
    return [](int64_t x, int64_t y) { return y == -1 ? wrapNeg(x) : x / y; };
  case PublicOp::Mod:
    return [](int64_t x, int64_t y) { return floorMod(x, y); };
  case PublicOp::FMod:
    return truncMod;
  case PublicOp::Pow:
    return wrapPow;
  case PublicOp::Max:
    return [](int64_t x, int64_t y) { return std::max(x, y); };
  case PublicOp::Min:
    return [](int64_t x, int64_t y) { return std::min(x, y); };
  case PublicOp::And:
    return [](int64_t x, int64_t y) -> int64_t { return x && y; };
  case PublicOp::Or:
    return [](int64_t x, int64_t y) -> int64_t { return x || y; };
  case PublicOp::Xor:
    return [](int64_t x, int64_t y) -> int64_t { return !x != !y; };
  default:
    return nullptr;
  }
}

template <class T> bool compare(PublicOp op, Args args, Value &out) {
  switch (op) {
  case PublicOp::Less:
    zip<T>(args, out.ints, out.shape, [](T x, T y) { return x < y; });
    return true;
  case PublicOp::LessEqual:
    zip<T>(args, out.ints, out.shape, [](T x, T y) { return x <= y; });
    return true;
  case PublicOp::Equal:
    zip<T>(args, out.ints, out.shape, [](T x, T y) { return x == y; });
    return true;
  default:
    return false;
  }
}

void select(Args args, Value &out) {
  const std::vector<int64_t> &cond = args[0]->ints;
  auto choose = [&](const auto &a, const auto &b, auto &to) {
    forEachIndex<3>(out.shape,
                    {core::broadcastStrides(args[0]->shape, out.shape),
                     core::broadcastStrides(args[1]->shape, out.shape),
                     core::broadcastStrides(args[2]->shape, out.shape)},
                    {0, 0, 0}, [&](size_t i, const std::array<int64_t, 3> &at) {
                      to[i] = cond[static_cast<size_t>(at[0])]
                                  ? a[static_cast<size_t>(at[1])]
                                  : b[static_cast<size_t>(at[2])];
                    });
  };
  if (out.isReal())
    choose(args[1]->floats, args[2]->floats, out.floats);
  else
    choose(args[1]->ints, args[2]->ints, out.ints);
}

/// Truncates; values beyond int64 saturate and NaN becomes 0.
int64_t toInt(float x) {
  constexpr float kLimit = 0x1p63f;
  if (x != x)
    return 0;
  if (x >= kLimit)
    return std::numeric_limits<int64_t>::max();
  return x < -kLimit ? std::numeric_limits<int64_t>::min()
                     : static_cast<int64_t>(x);
}

void cast(const Value &a, Value &out) {
  const bool toBool = out.elem == PublicElem::Bool;
  if (a.isReal() && out.isReal())
    out.floats = a.floats;
  else if (a.isReal() && toBool)
    mapTo(a.floats, out.ints, [](float x) { return x != 0; });
  else if (a.isReal())
    mapTo(a.floats, out.ints, toInt);
  else if (out.isReal())
    mapTo(a.ints, out.floats, [](int64_t x) { return x; });
  else if (toBool)
    mapTo(a.ints, out.ints, [](int64_t x) { return x != 0; });
  else
    out.ints = a.ints;
}

/// round(x * 2^frac); every x must lie in the declared range.
Status encode(const plan::PublicInstr &in, const Value &a, Value &out) {
  const auto frac = static_cast<int>(in.scalar(0));
  // Ranges are proved for real numbers; float32 may miss them by its rounding.
  const double slack =
      a.isReal() ? 1e-5 * std::max(std::fabs(in.type.lo), std::fabs(in.type.hi))
                 : 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const double x = a.at(i);
    if (!(x >= in.type.lo - slack && x <= in.type.hi + slack))
      return Error{fmt::format("element {} is {}, outside the declared range "
                               "[{}, {}]",
                               i, x, in.type.lo, in.type.hi)};
    out.ints[i] =
        !a.isReal() && frac == 0
            ? a.ints[i]
            : static_cast<int64_t>(std::nearbyint(std::ldexp(x, frac)));
  }
  return {};
}

Status binary(PublicOp op, Args args, Value &out) {
  if ((op == PublicOp::Div || op == PublicOp::Mod || op == PublicOp::FMod) &&
      !args[1]->isReal())
    for (size_t i = 0; i < args[1]->ints.size(); ++i)
      if (args[1]->ints[i] == 0)
        return Error{
            fmt::format("element {} is an integer divided by zero", i)};
  if (out.isReal())
    zip<float>(args, out.floats, out.shape, realFunction2(op));
  else
    zip<int64_t>(args, out.ints, out.shape, intFunction2(op));
  return {};
}

} // namespace

bool evalElementwise(const plan::PublicInstr &in, Args args, Value &out,
                     Status &status) {
  switch (in.op) {
  case PublicOp::Select:
    return select(args, out), true;
  case PublicOp::Cast:
    return cast(*args[0], out), true;
  case PublicOp::Encode:
    status = encode(in, *args[0], out);
    return true;
  default:
    break;
  }
  if (args.size() == 1) {
    const Value &a = *args[0];
    if (RealFn f = realFunction(in.op); f && a.isReal())
      return mapTo(a.floats, out.floats, f), true;
    if (IntFn f = intFunction(in.op); f && !a.isReal())
      return mapTo(a.ints, out.ints, f), true;
    return false;
  }
  if (args.size() != 2)
    return false;
  if (args[0]->isReal() ? compare<float>(in.op, args, out)
                        : compare<int64_t>(in.op, args, out))
    return true;
  if (!(out.isReal() ? realFunction2(in.op) != nullptr
                     : intFunction2(in.op) != nullptr))
    return false;
  status = binary(in.op, args, out);
  return true;
}

} // namespace mpc::pub
