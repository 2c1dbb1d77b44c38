//===- runtime/plan/VerifyTables.cpp - rules 18, 19 and 21 to 24 ----------===//
//
// What tables, comparisons and selections take. The limits are those of their
// kernels.
//
//===----------------------------------------------------------------------===//
#include "runtime/plan/Digits.h"
#include "runtime/plan/OpCheck.h"
#include "runtime/plan/RangeLinks.h"

#include <bit>
#include <cmath>

namespace mpc::plan {

using core::toString;

void OpCheck::table() {
  form(0, Form::Masked);
  result(Form::Additive);
  resultShape(arg(0).shape);
}

// Limits of kernels::SplineTable, whose validate() bounds the coefficients.
void OpCheck::spline() {
  table();
  window(1, 1, 44);
  range(2, 0, 12);
  range(3, 0, 7);
  range(4, 1, 31);
  range(5, 0, 48);
  if (failed())
    return;
  if (imm(1) < imm(2) || imm(1) - imm(2) > 32)
    return fail("takes window - depth in [0,32], got {}", imm(1) - imm(2));
  if (constant(0).session)
    return fail("has coefficients that only the session knows");
  int64_t want = (int64_t{1} << imm(2)) * (imm(3) + 1);
  if (static_cast<int64_t>(constant(0).data.size()) != want)
    fail("takes {} coefficients, c{} has {}", want, imm(0),
         constant(0).data.size());
}

// Limits of kernels::ExpParams.
void OpCheck::exp() {
  table();
  window(0, 2, 44);
  range(1, 1, 10);
  range(2, 0, 44);
  range(3, 0, 62);
  range(4, 0, 62);
  if (failed())
    return;
  if (imm(0) <= imm(1))
    return fail("takes depth below window {}, got {}", imm(0), imm(1));
  // e^mb < 2^(1.4427 w), w = 2^(window - depth - inFrac), must fit 62 bits.
  double w = std::ldexp(1.0, static_cast<int>(imm(0) - imm(1) - imm(2)));
  if (static_cast<double>(imm(4)) + 1.4427 * w > 62)
    fail("has a public factor e^{} at {} fraction bits, which exceeds 62 bits",
         w, imm(4));
}

// Limits of kernels::FourierTable, whose validate() bounds the coefficients.
void OpCheck::fourier() {
  table();
  window(1, 2, 44);
  range(3, 0, 62);
  if (failed())
    return;
  range(2, 1, (int64_t{1} << imm(1)) - 1);
  if (constant(0).session)
    return fail("has coefficients that only the session knows");
  const std::vector<int64_t> &rows = constant(0).data;
  if (rows.empty() || rows.size() % 4 != 0 || rows.size() > 4 * 64)
    return fail("takes 1 to 64 harmonics of 4 numbers, c{} has {} numbers",
                imm(0), rows.size());
  for (size_t i = 0; i < rows.size(); i += 4) {
    const int64_t dealt = rows[i + 2], open = rows[i + 3];
    if (dealt < 0 || dealt > 46 || open < 0 || open > 46 ||
        dealt + open > imm(3) || imm(3) - dealt - open >= out().ring)
      return fail("has harmonic {} of {} and {} fraction bits in a result of "
                  "{}, ring {}",
                  i / 4 + 1, dealt, open, imm(3), out().ring);
  }
  // slope x is local: its bits must all be in x's ring.
  const auto slope = static_cast<uint64_t>(imm(5));
  if (slope != 0 && arg(0).ring + std::countr_zero(slope) < out().ring)
    fail("has a linear term of {} trailing zeros: ring {} of {} is too small "
         "for ring {}",
         std::countr_zero(slope), arg(0).ring, argName(0), out().ring);
}

void OpCheck::comparison(size_t x) {
  form(x, Form::Masked);
  resultForm(Form::Bits, 1);
  range(0, 2, 64);
  range(1, 0, 62);
  range(2, 1, 8);
  if (failed())
    return;
  if (imm(0) + imm(1) > arg(x).ring)
    fail("takes window {} + drop {} within ring {}", imm(0), imm(1),
         arg(x).ring);
  if (digitCount(imm(0), imm(2)) > 8)
    fail("has {} digits, at most 8 are supported", digitCount(imm(0), imm(2)));
}

core::Shape OpCheck::planes(const Shape &x) const {
  Shape s{planeCount(imm(0), imm(2))};
  s.insert(s.end(), x.begin(), x.end());
  return s;
}

void OpCheck::oneHot(Form want) {
  form(0, Form::Masked);
  result(want);
  window(0, 0, 20);
  if (failed())
    return;
  range(1, 1, int64_t{1} << imm(0));
  Shape s = arg(0).shape;
  s.push_back(imm(1));
  resultShape(s);
}

void OpCheck::selectWords() {
  form(0, Form::Bits);
  form(1, Form::Words);
  if (failed())
    return;
  Shape s = arg(0).shape;
  if (s.empty() || arg(1).shape.size() != 2 || s.back() != arg(1).shape[0])
    return fail("takes bits [n..., rows] and words [rows, d], got {} and {}",
                toString(s), toString(arg(1).shape));
  s.back() = arg(1).shape[1];
  resultForm(Form::Words, arg(1).ring);
  resultShape(s);
}

void OpCheck::fromWords() {
  form(0, Form::Words);
  result(Form::Additive);
  resultShape(arg(0).shape);
  if (out().ring < arg(0).ring)
    fail("gives a ring of at least {}, {} has {}", arg(0).ring, outName(),
         out().ring);
}

void OpCheck::inRange() {
  form(0, Form::Masked);
  resultForm(Form::Bits, 1);
  resultShape({kGuardBits});
  if (imm(0) > imm(1))
    fail("takes lo <= hi, got {} and {}", imm(0), imm(1));
  const std::vector<int64_t> &n = instr_.imm[2];
  if (n.empty() || n.size() % 4 != 0 || n.size() > 4 * RangeLink::kMaxLinks)
    return fail("takes 1 to {} links of 4 numbers, got {} numbers",
                RangeLink::kMaxLinks, n.size());
  const int64_t widest = std::min<int64_t>(arg(0).ring, 63);
  for (size_t i = 0; i < n.size(); i += 4) {
    const int64_t window = n[i], bits = n[i + 1];
    if (bits < 1 || bits > RangeLink::kMaxBits || window < bits ||
        window > widest)
      return fail("has link {} of {} of {} bits in ring {}", i / 4 + 1, bits,
                  window, arg(0).ring);
    if (n[i + 2] < 0 || n[i + 2] >> window != 0 || n[i + 3] < 1 ||
        n[i + 3] >> bits != 0)
      return fail("has link {} with shift {}, accepted {}", i / 4 + 1, n[i + 2],
                  n[i + 3]);
  }
}

} // namespace mpc::plan
