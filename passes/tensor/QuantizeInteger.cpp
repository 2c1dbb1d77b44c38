//===- passes/tensor/QuantizeInteger.cpp - rounding and division ----------===//
// Integers of reals, quotients and rests: exact, by comparisons.
#include "passes/tensor/Quantizer.h"

using namespace mpc::ir;

namespace mpc::passes {

/// A truncation gives the integer below or the one above; a comparison says
/// which.
ValueId Quantizer::floor(ValueId x) {
  x = ready(x);
  if (fracOf(x) <= 0)
    return x;
  const Range r = rangeOf(x);
  const Range near{std::floor(r.first), std::ceil(r.second)};
  const ValueId whole = emit(Opcode::FixedRescale, {x}, shapeOf(x), 0, near);
  const ValueId above = toArithmetic(less(x, whole, shapeOf(x)));
  return difference(whole, above, {std::floor(r.first), std::floor(r.second)});
}

/// Half to even: up from n + 1/2 if n is odd.
ValueId Quantizer::round(ValueId x) {
  x = ready(x);
  if (fracOf(x) <= 0)
    return x;
  const double ulp = std::ldexp(1.0, -fracOf(x));
  const ValueId whole = floor(x);
  const ValueId half =
      multiply(whole, scalar(0.5), shapeOf(x),
               {rangeOf(whole).first / 2, rangeOf(whole).second / 2});
  const ValueId even = floor(half);
  const ValueId twice = multiply(even, scalar(2), shapeOf(x), rangeOf(whole));
  const ValueId odd = difference(whole, twice, {0, 1});
  const ValueId rest = difference(x, whole, {0, 1});
  const ValueId tilted = addOrSub(
      Opcode::FixedAdd, rest, multiply(odd, scalar(ulp), shapeOf(x), {0, ulp}),
      shapeOf(x), {0, 1 + ulp});
  const ValueId up = toArithmetic(less(scalar(0.5), tilted, shapeOf(x)));
  return addOrSub(Opcode::FixedAdd, whole, up, shapeOf(x),
                  {rangeOf(whole).first, rangeOf(whole).second + 1});
}

Quantizer::SignAndSize Quantizer::signAndSize(ValueId x, Shape shape) {
  x = ready(x);
  if (shapeOf(x) != shape)
    x = spread(x, shape);
  const ValueId negative = less(x, scalar(0), shape);
  return {negative,
          select(negative, negated(x), x, shape, {0, magnitude(rangeOf(x))})};
}

ValueId Quantizer::withSign(ValueId negative, ValueId x) {
  const double most = magnitude(rangeOf(x));
  return select(negative, negated(x), x, shapeOf(x), {-most, most});
}

ValueId Quantizer::truncateReal(ValueId x, Shape shape) {
  const SignAndSize s = signAndSize(x, shape);
  return withSign(s.negative, floor(s.size));
}

Quantizer::Division Quantizer::divide(ValueId x, ValueId y, int bits,
                                      Shape shape) {
  align(x, y);
  const Range rx = rangeOf(x), ry = rangeOf(y);
  ValueId quotient;
  for (int i = bits; i-- > 0;) {
    const double power = std::ldexp(1.0, i);
    const Range rt{0, ry.second * power};
    const ValueId step = multiply(y, scalar(power), shape, rt);
    const ValueId fits = logicalNot(less(x, step, shape));
    x = difference(x, select(fits, step, scalar(0), shape, rt), rx);
    const ValueId digit =
        multiply(toArithmetic(fits), scalar(power), shape, {0, power});
    quotient = quotient.valid() ? addOrSub(Opcode::FixedAdd, quotient, digit,
                                           shape, {0, std::ldexp(1.0, bits)})
                                : digit;
  }
  return {quotient, x};
}

/// Bits of a quotient; real divisors are taken to be at least 2^-4.
static int quotientBits(Range x, bool real) {
  return std::clamp(intBitsOf(x) + (real ? 4 : 0), 1, 30);
}

ValueId Quantizer::integerDivision(ValueId a, ValueId b, Shape shape) {
  const SignAndSize x = signAndSize(a, shape), y = signAndSize(b, shape);
  const Division d =
      divide(x.size, y.size, quotientBits(rangeOf(x.size), false), shape);
  return withSign(logicalXor(x.negative, y.negative, shape), d.quotient);
}

ValueId Quantizer::modulo(ValueId a, ValueId b, bool fmod, bool real,
                          Shape shape) {
  const SignAndSize x = signAndSize(a, shape), y = signAndSize(b, shape);
  const Division d =
      divide(x.size, y.size, quotientBits(rangeOf(x.size), real), shape);
  if (fmod)
    return withSign(x.negative, d.rest);
  const Range r{0, rangeOf(y.size).second};
  const ValueId some = less(scalar(0), d.rest, shape);
  const ValueId differ = logicalXor(x.negative, y.negative, shape);
  const ValueId other = difference(y.size, d.rest, r);
  return withSign(y.negative, select(logicalAnd(some, differ, shape), other,
                                     d.rest, shape, r));
}

} // namespace mpc::passes
