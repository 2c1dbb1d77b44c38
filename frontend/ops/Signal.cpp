//===- frontend/ops/Signal.cpp - Fourier transforms -----------------------===//
//
// A discrete Fourier transform of known length is a product with a public
// matrix.
//
//===----------------------------------------------------------------------===//
#include "frontend/ops/Ops.h"
#include <cmath>

namespace mpc::frontend::ops {

void dft(NodeReader &n) {
  ValueId x = n.in(0);
  const Shape s = n.shape(x);
  const int64_t rank = s.size();
  const int64_t axis = n.axis(n.attrInt("axis", 1), rank);
  const bool inverse = n.attrInt("inverse", 0) != 0;
  const bool oneSided = n.attrInt("onesided", 0) != 0;
  if (n.failed() || rank < 2 || axis == rank - 1 || s.back() < 1 ||
      s.back() > 2 || s[axis] < 1 || n.elem(x) != Elem::F32)
    return n.fail("needs real or complex floats, and an axis before the last");
  const int64_t length = n.has(1) ? n.knownInt(1, "dft_length") : s[axis];
  if (n.failed())
    return;
  if (length < 1 || length > (int64_t{1} << 14))
    return n.fail("a length of " + llvm::Twine(length));
  const int64_t used = std::min(length, s[axis]);
  const int64_t bins = oneSided ? length / 2 + 1 : length;
  std::vector<float> cosines, sines;
  for (int64_t j = 0; j < used; ++j)
    for (int64_t k = 0; k < bins; ++k) {
      const double angle = 2 * M_PI * static_cast<double>(j * k % length) /
                           static_cast<double>(length);
      const double scale = inverse ? 1.0 / static_cast<double>(length) : 1;
      cosines.push_back(static_cast<float>(std::cos(angle) * scale));
      sines.push_back(
          static_cast<float>((inverse ? 1 : -1) * std::sin(angle) * scale));
    }
  ValueId c = n.floats(std::move(cosines), {used, bins});
  ValueId d = n.floats(std::move(sines), {used, bins});
  // The axis last, the real and imaginary parts apart.
  Shape perm;
  for (int64_t i = 0; i + 1 < rank; ++i)
    perm.push_back(i);
  std::swap(perm[axis], perm.back());
  auto part = [&](int64_t i) {
    ValueId p = n.slice(n.slice(x, rank - 1, i, 1), axis, 0, used);
    Shape flat = n.shape(p);
    flat.pop_back();
    p = n.transpose(n.reshape(p, flat), perm);
    return p;
  };
  auto times = [&](ValueId p, ValueId m) {
    const Shape sp = n.shape(p);
    Shape out = sp;
    if (n.failed())
      return ValueId{};
    out.back() = bins;
    return n.reshape(n.matmul(n.reshape(p, {n.numel(p) / used, used}), m), out);
  };
  ValueId re = part(0), outRe = times(re, c), outIm = times(re, d);
  if (s.back() == 2) {
    ValueId im = part(1);
    outRe = n.sub(outRe, times(im, d));
    outIm = n.add(outIm, times(im, c));
  }
  auto column = [&](ValueId p) {
    p = n.transpose(p, perm);
    Shape wide = n.shape(p);
    wide.push_back(1);
    return n.reshape(p, wide);
  };
  n.out(n.concat({column(outRe), column(outIm)}, rank - 1));
}

} // namespace mpc::frontend::ops
