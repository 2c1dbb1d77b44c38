//===- runtime/pub/Elementwise.cpp - elementwise ops ----------------------===//
#include "runtime/core/Scalar.h"
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

namespace scalar = core::scalar;

/// Float32 functions that agree between machines.
struct AgreedMath {
  static float exp(float x) { return static_cast<float>(expOf(x)); }
  static float log(float x) { return static_cast<float>(logOf(x)); }
  static float sin(float x) { return static_cast<float>(sinOf(x)); }
  static float cos(float x) { return static_cast<float>(cosOf(x)); }
  static float atan(float x) { return static_cast<float>(atanOf(x)); }
  static float erf(float x) { return static_cast<float>(erfOf(x)); }
  static float tanh(float x) { return static_cast<float>(tanhOf(x)); }
  static float pow(float x, float y) { return static_cast<float>(powOf(x, y)); }
};

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

template <class T>
bool unary(PublicOp op, const Value &a, std::vector<T> &out) {
  return scalar::unary<AgreedMath, T>(
      op, [&](auto f) { mapTo(dataOf<T>(a), out, f); });
}

template <class T> bool binary(PublicOp op, Args args, Value &out) {
  auto loop = [&](auto f) {
    if constexpr (std::is_same_v<T, float>)
      zip<T>(args, out.floats, out.shape, f);
    else
      zip<T>(args, out.ints, out.shape, f);
  };
  if (op == PublicOp::FMod)
    return loop([](T x, T y) { return scalar::truncMod(x, y); }), true;
  return scalar::binary<AgreedMath, T>(op, loop) ||
         scalar::comparison<T>(
             op, [&](auto f) { zip<T>(args, out.ints, out.shape, f); });
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

void cast(const Value &a, Value &out) {
  const bool toBool = out.elem == PublicElem::Bool;
  if (a.isReal() && out.isReal())
    out.floats = a.floats;
  else if (a.isReal() && toBool)
    mapTo(a.floats, out.ints, [](float x) { return x != 0; });
  else if (a.isReal())
    mapTo(a.floats, out.ints, scalar::toInt);
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

Status checkDivisor(PublicOp op, const Value &divisor) {
  if ((op == PublicOp::Div || op == PublicOp::Mod || op == PublicOp::FMod) &&
      !divisor.isReal())
    for (size_t i = 0; i < divisor.ints.size(); ++i)
      if (divisor.ints[i] == 0)
        return Error{
            fmt::format("element {} is an integer divided by zero", i)};
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
    return a.isReal() ? unary(in.op, a, out.floats) : unary(in.op, a, out.ints);
  }
  if (args.size() != 2)
    return false;
  status = checkDivisor(in.op, *args[1]);
  if (!status)
    return true;
  return args[0]->isReal() ? binary<float>(in.op, args, out)
                           : binary<int64_t>(in.op, args, out);
}

} // namespace mpc::pub
