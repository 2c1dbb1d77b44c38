//===- ir/EvalElementwise.cpp - elementwise ops with broadcasting ---------===//
//
// Floats are computed in float32. Integers wrap modulo 2^64; division by zero
// is an error.
//
//===----------------------------------------------------------------------===//
#include "ir/EvalImpl.h"
#include "ir/Expr.h"
#include <array>
#include <cmath>
#include <limits>

namespace mpc::ir::detail {

static llvm::Error failure(const char *message) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), message);
}

/// The storage behind an array, by C++ type (Bool lives in ints).
template <class T> static const T *dataOf(const ConstData &c) {
  if constexpr (std::is_same_v<T, float>)
    return c.floats.data();
  else
    return c.ints.data();
}
template <class T> static T *dataOf(ConstData &c) {
  return const_cast<T *>(dataOf<T>(static_cast<const ConstData &>(c)));
}

template <class In, class Out, class F>
static void unaryLoop(const ConstData &a, ConstData &out, F f) {
  const In *x = dataOf<In>(a);
  Out *y = dataOf<Out>(out);
  for (int64_t i = 0, n = out.numel(); i < n; ++i)
    y[i] = static_cast<Out>(f(x[i]));
}

template <class In, class Out, class F>
static void binaryLoop(const ConstData &a, const ConstData &b, ConstData &out,
                       F f) {
  const In *x = dataOf<In>(a), *y = dataOf<In>(b);
  Out *z = dataOf<Out>(out);
  auto row = [&](int64_t to, int64_t n, std::array<int64_t, 2> at,
                 std::array<int64_t, 2> step) {
    const In *p = x + at[0], *q = y + at[1];
    Out *r = z + to;
    if (step[0] == 1 && step[1] == 1)
      for (int64_t i = 0; i < n; ++i)
        r[i] = static_cast<Out>(f(p[i], q[i]));
    else if (step[0] == 1 && step[1] == 0)
      for (int64_t i = 0; i < n; ++i)
        r[i] = static_cast<Out>(f(p[i], *q));
    else
      for (int64_t i = 0; i < n; ++i)
        r[i] = static_cast<Out>(f(p[i * step[0]], q[i * step[1]]));
  };
  if (a.shape == b.shape) // the common case, as one long row
    return row(0, out.numel(), {0, 0}, {1, 1});
  forEachRow<2>(out.shape,
                {broadcastStrides(a.shape, out.shape),
                 broadcastStrides(b.shape, out.shape)},
                {0, 0}, row);
}

//===--------------------------------------------------------------------===//
// Unary
//===--------------------------------------------------------------------===//

static int64_t wrapNeg(int64_t x) {
  return static_cast<int64_t>(-static_cast<uint64_t>(x));
}

llvm::Error evalUnary(Opcode op, const ConstData &a, ConstData &out) {
  auto real = [&](auto f) {
    unaryLoop<float, float>(a, out, f);
    return llvm::Error::success();
  };
  auto integer = [&](auto f) {
    unaryLoop<int64_t, int64_t>(a, out, f);
    return llvm::Error::success();
  };
  bool f32 = a.elem == Elem::F32;
  switch (op) {
  case Opcode::Neg:
    return f32 ? real([](float x) { return -x; }) : integer(wrapNeg);
  case Opcode::Abs:
    return f32 ? real([](float x) { return std::fabs(x); })
               : integer([](int64_t x) { return x < 0 ? wrapNeg(x) : x; });
  case Opcode::Sign:
    return f32 ? real([](float x) { return float((x > 0) - (x < 0)); })
               : integer([](int64_t x) { return (x > 0) - (x < 0); });
  case Opcode::Relu:
    return f32 ? real([](float x) { return x < 0 ? 0.0f : x; })
               : integer([](int64_t x) { return x < 0 ? 0 : x; });
  case Opcode::Not:
    return integer([](int64_t x) { return x == 0; });
  default:
    break;
  }
  if (!f32)
    return failure("operand is not f32");
  switch (op) {
  case Opcode::Floor:
    return real([](float x) { return std::floor(x); });
  case Opcode::Ceil:
    return real([](float x) { return std::ceil(x); });
  case Opcode::Round:
    return real([](float x) { return std::nearbyint(x); });
  case Opcode::Exp:
    return real([](float x) { return std::exp(x); });
  case Opcode::Log:
    return real([](float x) { return std::log(x); });
  case Opcode::Sqrt:
    return real([](float x) { return std::sqrt(x); });
  case Opcode::Rsqrt:
    return real([](float x) { return 1.0f / std::sqrt(x); });
  case Opcode::Recip:
    return real([](float x) { return 1.0f / x; });
  case Opcode::Erf:
    return real([](float x) { return std::erf(x); });
  case Opcode::Tanh:
    return real([](float x) { return std::tanh(x); });
  case Opcode::Sigmoid:
    return real([](float x) { return 1.0f / (1.0f + std::exp(-x)); });
  case Opcode::Atan:
    return real([](float x) { return std::atan(x); });
  case Opcode::Sin:
    return real([](float x) { return std::sin(x); });
  case Opcode::Cos:
    return real([](float x) { return std::cos(x); });
  default:
    return failure("not a unary op");
  }
}

//===--------------------------------------------------------------------===//
// Binary
//===--------------------------------------------------------------------===//

static int64_t wrapDiv(int64_t x, int64_t y) {
  return y == -1 ? wrapNeg(x) : x / y;
}
static int64_t truncMod(int64_t x, int64_t y) { return y == -1 ? 0 : x % y; }
static int64_t floorMod(int64_t x, int64_t y) {
  int64_t r = truncMod(x, y);
  return r != 0 && (r < 0) != (y < 0) ? r + y : r;
}

static float floorModF(float x, float y) {
  float r = std::fmod(x, y);
  return r != 0 && (r < 0) != (y < 0) ? r + y : r;
}

static int64_t intPow(int64_t base, int64_t exponent) {
  if (exponent < 0)
    return base == 1 ? 1 : base == -1 ? (exponent % 2 ? -1 : 1) : 0;
  uint64_t result = 1, b = static_cast<uint64_t>(base);
  for (auto e = static_cast<uint64_t>(exponent); e; e >>= 1, b *= b)
    if (e & 1)
      result *= b;
  return static_cast<int64_t>(result);
}

static llvm::Error floatBinary(const Op &op, const ConstData &a,
                               const ConstData &b, ConstData &out) {
  auto real = [&](auto f) {
    binaryLoop<float, float>(a, b, out, f);
    return llvm::Error::success();
  };
  auto truth = [&](auto f) {
    binaryLoop<float, int64_t>(a, b, out, f);
    return llvm::Error::success();
  };
  switch (op.opcode) {
  case Opcode::Add:
    return real([](float x, float y) { return x + y; });
  case Opcode::Sub:
    return real([](float x, float y) { return x - y; });
  case Opcode::Mul:
    return real([](float x, float y) { return x * y; });
  case Opcode::Div:
    return real([](float x, float y) { return x / y; });
  case Opcode::Mod:
    if (op.hasAttr("fmod") && op.intAttr("fmod"))
      return real([](float x, float y) { return std::fmod(x, y); });
    return real(floorModF);
  case Opcode::Pow:
    return real([](float x, float y) { return std::pow(x, y); });
  case Opcode::Max: // a NaN operand wins
    return real([](float x, float y) { return x > y || x != x ? x : y; });
  case Opcode::Min:
    return real([](float x, float y) { return x < y || x != x ? x : y; });
  case Opcode::Less:
    return truth([](float x, float y) { return x < y; });
  case Opcode::LessEqual:
    return truth([](float x, float y) { return x <= y; });
  case Opcode::Equal:
    return truth([](float x, float y) { return x == y; });
  default:
    return failure("not an op of two floats");
  }
}

static llvm::Error intBinary(const Op &op, const ConstData &a,
                             const ConstData &b, ConstData &out) {
  auto apply = [&](auto f) {
    binaryLoop<int64_t, int64_t>(a, b, out, f);
    return llvm::Error::success();
  };
  auto wrap = [&](auto f) {
    return apply([f](int64_t x, int64_t y) {
      return static_cast<int64_t>(
          f(static_cast<uint64_t>(x), static_cast<uint64_t>(y)));
    });
  };
  if (op.opcode == Opcode::Div || op.opcode == Opcode::Mod)
    for (int64_t divisor : b.ints)
      if (divisor == 0)
        return failure("integer division by zero");
  switch (op.opcode) {
  case Opcode::Add:
    return wrap([](uint64_t x, uint64_t y) { return x + y; });
  case Opcode::Sub:
    return wrap([](uint64_t x, uint64_t y) { return x - y; });
  case Opcode::Mul:
    return wrap([](uint64_t x, uint64_t y) { return x * y; });
  case Opcode::Div:
    return apply(wrapDiv);
  case Opcode::Mod:
    return op.hasAttr("fmod") && op.intAttr("fmod") ? apply(truncMod)
                                                    : apply(floorMod);
  case Opcode::Pow:
    return apply(intPow);
  case Opcode::Max:
    return apply([](int64_t x, int64_t y) { return std::max(x, y); });
  case Opcode::Min:
    return apply([](int64_t x, int64_t y) { return std::min(x, y); });
  case Opcode::Less:
    return apply([](int64_t x, int64_t y) { return x < y; });
  case Opcode::LessEqual:
    return apply([](int64_t x, int64_t y) { return x <= y; });
  case Opcode::Equal:
    return apply([](int64_t x, int64_t y) { return x == y; });
  case Opcode::And:
    return apply([](int64_t x, int64_t y) { return x && y; });
  case Opcode::Or:
    return apply([](int64_t x, int64_t y) { return x || y; });
  case Opcode::Xor:
    return apply([](int64_t x, int64_t y) { return !x != !y; });
  default:
    return failure("not an op of two integers");
  }
}

llvm::Error evalBinary(const Op &op, const ConstData &a, const ConstData &b,
                       ConstData &out) {
  if ((a.elem == Elem::F32) != (b.elem == Elem::F32))
    return failure("operands of different element types");
  return a.elem == Elem::F32 ? floatBinary(op, a, b, out)
                             : intBinary(op, a, b, out);
}

//===--------------------------------------------------------------------===//
// Select, cast, map
//===--------------------------------------------------------------------===//

template <class T> static void selectLoop(Operands operands, ConstData &out) {
  const int64_t *cond = operands[0]->ints.data();
  const T *a = dataOf<T>(*operands[1]), *b = dataOf<T>(*operands[2]);
  T *z = dataOf<T>(out);
  forEachRow<3>(out.shape,
                {broadcastStrides(operands[0]->shape, out.shape),
                 broadcastStrides(operands[1]->shape, out.shape),
                 broadcastStrides(operands[2]->shape, out.shape)},
                {0, 0, 0},
                [&](int64_t to, int64_t n, std::array<int64_t, 3> at,
                    std::array<int64_t, 3> step) {
                  for (int64_t i = 0; i < n; ++i)
                    z[to + i] = cond[at[0] + i * step[0]]
                                    ? a[at[1] + i * step[1]]
                                    : b[at[2] + i * step[2]];
                });
}

void evalSelect(Operands operands, ConstData &out) {
  if (out.elem == Elem::F32)
    selectLoop<float>(operands, out);
  else
    selectLoop<int64_t>(operands, out);
}

/// Truncates; values beyond int64 saturate and NaN becomes 0.
static int64_t toInt(float x) {
  constexpr float kLimit = 9223372036854775808.0f; // 2^63
  if (x != x)
    return 0;
  if (x >= kLimit)
    return std::numeric_limits<int64_t>::max();
  return x < -kLimit ? std::numeric_limits<int64_t>::min()
                     : static_cast<int64_t>(x);
}

void evalCast(const ConstData &a, ConstData &out) {
  if (a.elem == Elem::F32) {
    if (out.elem == Elem::F32)
      unaryLoop<float, float>(a, out, [](float x) { return x; });
    else if (out.elem == Elem::I64)
      unaryLoop<float, int64_t>(a, out, toInt);
    else
      unaryLoop<float, int64_t>(a, out, [](float x) { return x != 0; });
  } else if (out.elem == Elem::F32) {
    unaryLoop<int64_t, float>(a, out, [](int64_t x) { return x; });
  } else if (out.elem == Elem::I64) {
    unaryLoop<int64_t, int64_t>(a, out, [](int64_t x) { return x; });
  } else {
    unaryLoop<int64_t, int64_t>(a, out, [](int64_t x) { return x != 0; });
  }
}

llvm::Error evalMap(const Op &op, const ConstData &a, ConstData &out) {
  llvm::Expected<Expr> expr = Expr::parse(op.strAttr("expr"));
  if (!expr)
    return expr.takeError();
  constexpr int64_t kBlock = 1024;
  std::vector<double> x(kBlock), y(kBlock);
  for (int64_t from = 0, n = out.numel(); from < n; from += kBlock) {
    int64_t len = std::min(kBlock, n - from);
    for (int64_t i = 0; i < len; ++i)
      x[i] = a.at(from + i);
    expr->evalMany({x.data(), size_t(len)}, {y.data(), size_t(len)});
    for (int64_t i = 0; i < len; ++i)
      if (out.elem == Elem::F32)
        out.floats[from + i] = static_cast<float>(y[i]);
      else
        out.ints[from + i] = y[i] != 0;
  }
  return llvm::Error::success();
}

} // namespace mpc::ir::detail
