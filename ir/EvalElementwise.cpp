//===- ir/EvalElementwise.cpp - elementwise ops with broadcasting ---------===//
//
// Floats are computed in float32. Integers wrap modulo 2^64; division by zero
// is an error.
//
//===----------------------------------------------------------------------===//
#include "ir/EvalImpl.h"
#include "ir/Expr.h"
#include "runtime/core/Scalar.h"
#include <array>

namespace mpc::ir::detail {

namespace scalar = core::scalar;

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

llvm::Error evalUnary(Opcode op, const ConstData &a, ConstData &out) {
  auto apply = [&]<class T>(T) {
    return scalar::unary<scalar::CMath, T>(
        op, [&](auto f) { unaryLoop<T, T>(a, out, f); });
  };
  if (!(a.elem == Elem::F32 ? apply(float{}) : apply(int64_t{})))
    return failure(a.elem == Elem::F32 ? "not a unary op"
                                       : "operand is not f32");
  return llvm::Error::success();
}

template <class T>
static bool binary(const Op &op, const ConstData &a, const ConstData &b,
                   ConstData &out) {
  auto loop = [&](auto f) { binaryLoop<T, T>(a, b, out, f); };
  if (op.opcode == Opcode::Mod && op.hasAttr("fmod") && op.intAttr("fmod"))
    return loop([](T x, T y) { return scalar::truncMod(x, y); }), true;
  return scalar::binary<scalar::CMath, T>(op.opcode, loop) ||
         scalar::comparison<T>(
             op.opcode, [&](auto f) { binaryLoop<T, int64_t>(a, b, out, f); });
}

llvm::Error evalBinary(const Op &op, const ConstData &a, const ConstData &b,
                       ConstData &out) {
  if ((a.elem == Elem::F32) != (b.elem == Elem::F32))
    return failure("operands of different element types");
  const bool real = a.elem == Elem::F32;
  if (!real && (op.opcode == Opcode::Div || op.opcode == Opcode::Mod) &&
      llvm::is_contained(b.ints, 0))
    return failure("integer division by zero");
  if (!(real ? binary<float>(op, a, b, out) : binary<int64_t>(op, a, b, out)))
    return failure(real ? "not an op of two floats"
                        : "not an op of two integers");
  return llvm::Error::success();
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

void evalCast(const ConstData &a, ConstData &out) {
  if (a.elem == Elem::F32) {
    if (out.elem == Elem::F32)
      unaryLoop<float, float>(a, out, [](float x) { return x; });
    else if (out.elem == Elem::I64)
      unaryLoop<float, int64_t>(a, out, scalar::toInt);
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
