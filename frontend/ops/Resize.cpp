//===- frontend/ops/Resize.cpp - interpolation with known sizes -----------===//
//
// Along each axis an output element is a weighted sum of known input elements:
// a selection where it is one of them, else a product with a public matrix.
//
//===----------------------------------------------------------------------===//
#include "frontend/ops/Ops.h"
#include "llvm/ADT/STLExtras.h"
#include <cmath>

namespace mpc::frontend::ops {

namespace {
struct Interpolation {
  std::string mode, coordinates, nearest;
  double cubic = -0.75, extrapolation = 0;
  bool excludeOutside = false;
};
struct Axis {
  int64_t in, out;
  double scale, start = 0, end = 1;
};
struct Taps {
  std::vector<std::pair<int64_t, double>> taps; ///< index, weight
  bool outside = false;
};
} // namespace

static double sourceOf(const Interpolation &p, const Axis &a, int64_t i) {
  const double x = static_cast<double>(i), in = static_cast<double>(a.in),
               out = static_cast<double>(a.out), exact = in * a.scale;
  if (p.coordinates == "align_corners") // of the size before it was cut
    return a.out == 1 ? 0 : x * (in - 1) / (exact - 1);
  if (p.coordinates == "asymmetric")
    return x / a.scale;
  if (p.coordinates == "tf_half_pixel_for_nn")
    return (x + 0.5) / a.scale;
  if (p.coordinates == "pytorch_half_pixel" && a.out == 1)
    return 0;
  if (p.coordinates == "tf_crop_and_resize")
    return a.out > 1 ? a.start * (in - 1) +
                           x * (a.end - a.start) * (in - 1) / (out - 1)
                     : 0.5 * (a.start + a.end) * (in - 1);
  if (p.coordinates == "half_pixel_symmetric") {
    const double adjustment = out / (a.scale * in);
    return in / 2 * (1 - adjustment) + (x + 0.5) / a.scale - 0.5;
  }
  return (x + 0.5) / a.scale - 0.5;
}

static double nearestTo(const Interpolation &p, double x) {
  if (p.nearest == "floor")
    return std::floor(x);
  if (p.nearest == "ceil")
    return std::ceil(x);
  if (p.nearest == "round_prefer_ceil")
    return std::floor(x + 0.5);
  return std::ceil(x - 0.5);
}

static double cubicWeight(double a, double d) {
  d = std::fabs(d);
  if (d <= 1)
    return ((a + 2) * d - (a + 3)) * d * d + 1;
  return d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0;
}

static Taps tapsOf(const Interpolation &p, const Axis &a, int64_t i) {
  double x = sourceOf(p, a, i);
  Taps t;
  if (p.coordinates == "tf_crop_and_resize" &&
      (x < 0 || x > static_cast<double>(a.in - 1))) {
    t.outside = true;
    return t;
  }
  auto clamp = [&](double v) {
    return v != v ? 0
                  : static_cast<int64_t>(
                        std::clamp(v, 0.0, static_cast<double>(a.in - 1)));
  };
  if (p.mode == "nearest") {
    t.taps.push_back({clamp(nearestTo(p, x)), 1});
    return t;
  }
  const double base = std::floor(x), part = x - base;
  const int reach = p.mode == "cubic" ? 2 : 1;
  double sum = 0;
  for (int k = 1 - reach; k <= reach; ++k) {
    const double at = base + k;
    double w = p.mode == "cubic" ? cubicWeight(p.cubic, part - k)
                                 : (k == 0 ? 1 - part : part);
    if (p.excludeOutside && (at < 0 || at > static_cast<double>(a.in - 1)))
      w = 0;
    sum += w;
    if (w != 0)
      t.taps.push_back({clamp(at), w});
  }
  for (auto &tap : t.taps)
    tap.second /= sum;
  return t;
}

static ValueId resizeAxis(NodeReader &n, ValueId x, int64_t axis,
                          const Interpolation &p, const Axis &a) {
  if (n.failed() || n.tooLarge(a.in * a.out))
    return {};
  std::vector<int64_t> rows;
  std::vector<float> matrix(a.in * a.out, 0), fill(a.out, 0);
  bool selects = true, identity = a.in == a.out, anyOutside = false;
  for (int64_t i = 0; i < a.out; ++i) {
    const Taps t = tapsOf(p, a, i);
    for (auto [from, w] : t.taps)
      matrix[from * a.out + i] += static_cast<float>(w);
    // All taps may be the same element (at the border).
    const bool one = llvm::all_of(
        t.taps, [&](auto &tap) { return tap.first == t.taps[0].first; });
    selects &= one;
    rows.push_back(t.taps.empty() ? -1 : t.taps[0].first);
    identity &= rows.back() == i && one;
    if (t.outside) {
      fill[i] = static_cast<float>(p.extrapolation);
      anyOutside = true;
    }
  }
  if (identity)
    return x;
  ValueId y;
  if (selects) {
    y = takeRows(n, x, axis, rows);
  } else {
    Shape perm;
    for (int64_t i = 0; i < n.rank(x); ++i)
      perm.push_back(i);
    std::swap(perm[axis], perm.back()); // its own inverse
    ValueId moved = n.transpose(x, perm);
    const Shape s = n.shape(moved);
    ValueId flat = n.reshape(moved, {n.numel(x) / a.in, a.in});
    Shape out = s;
    out.back() = a.out;
    y = n.transpose(
        n.reshape(n.matmul(flat, n.floats(std::move(matrix), {a.in, a.out})),
                  out),
        perm);
  }
  if (anyOutside && p.extrapolation != 0) {
    Shape along(n.rank(x), 1);
    along[axis] = a.out;
    y = n.add(y, n.floats(std::move(fill), along));
  }
  return y;
}

static void resizeBy(NodeReader &n, const Interpolation &p,
                     llvm::ArrayRef<int64_t> axes,
                     const std::vector<Axis> &as) {
  if (p.mode != "nearest" && p.mode != "linear" && p.mode != "cubic")
    return n.fail("attribute 'mode' is " + p.mode);
  ValueId x = n.in(0);
  for (size_t i = 0; i < axes.size() && !n.failed(); ++i)
    if (as[i].in != as[i].out || as[i].scale != 1 ||
        p.coordinates == "tf_crop_and_resize")
      x = resizeAxis(n, x, axes[i], p, as[i]);
  n.out(x);
}

static std::optional<std::vector<Axis>>
axesFromScales(NodeReader &n, llvm::ArrayRef<int64_t> axes,
               const std::vector<double> &scales) {
  if (n.failed() || scales.size() != axes.size()) {
    n.fail(llvm::Twine(scales.size()) + " scales for " +
           llvm::Twine(axes.size()) + " axes");
    return std::nullopt;
  }
  std::vector<Axis> out;
  for (size_t i = 0; i < axes.size(); ++i) {
    const int64_t in = n.shape(n.in(0))[axes[i]];
    const double size = std::floor(static_cast<double>(in) * scales[i]);
    if (!(scales[i] > 0) || !(size >= 1) || size > kMaxFoldedElements) {
      n.fail("a scale of " + std::to_string(scales[i]));
      return std::nullopt;
    }
    out.push_back({in, static_cast<int64_t>(size), scales[i]});
  }
  return out;
}

static std::vector<double> reals(const ConstData &d) {
  std::vector<double> v;
  for (int64_t i = 0; i < d.numel(); ++i)
    v.push_back(d.at(i));
  return v;
}

static Shape allAxes(NodeReader &n) {
  Shape axes;
  for (int64_t i = 0; i < n.rank(n.in(0)); ++i)
    axes.push_back(i);
  return axes;
}

void resize(NodeReader &n) {
  const bool first = n.opset() < 11;
  Interpolation p;
  p.mode = n.attrStr("mode", "nearest");
  p.coordinates = n.attrStr("coordinate_transformation_mode",
                            first ? "asymmetric" : "half_pixel");
  p.nearest = n.attrStr("nearest_mode", first ? "floor" : "round_prefer_floor");
  p.cubic = n.attrFloat("cubic_coeff_a", -0.75);
  p.extrapolation = n.attrFloat("extrapolation_value", 0);
  p.excludeOutside = n.attrInt("exclude_outside", 0) != 0;
  Shape axes = allAxes(n);
  if (n.hasAttr("axes")) {
    axes.clear();
    for (int64_t a : n.attrInts("axes"))
      axes.push_back(n.axis(a, n.rank(n.in(0))));
  }
  const size_t scalesAt = first ? 1 : 2;
  std::optional<std::vector<Axis>> as;
  if (!first && n.has(3)) {
    const auto sizes = n.knownInts(3, "sizes");
    if (n.failed() || sizes.size() != axes.size())
      return n.fail("input 3 (sizes) does not fit the axes");
    as.emplace();
    for (size_t i = 0; i < axes.size(); ++i) {
      const int64_t in = n.shape(n.in(0))[axes[i]];
      if (sizes[i] < 1 || in < 1 || sizes[i] > kMaxFoldedElements)
        return n.fail("a size of " + llvm::Twine(sizes[i]));
      as->push_back({in, sizes[i],
                     static_cast<double>(sizes[i]) / static_cast<double>(in)});
    }
  } else if (n.has(scalesAt)) {
    as = axesFromScales(n, axes, reals(n.knownInput(scalesAt, "scales")));
  } else {
    return n.fail("has neither scales nor sizes");
  }
  if (!as || n.failed())
    return;
  if (p.coordinates == "tf_crop_and_resize") {
    if (!n.has(1))
      return n.fail("crops without a region");
    const auto roi = reals(n.knownInput(1, "roi"));
    if (n.failed() || roi.size() != 2 * axes.size())
      return n.fail("input 1 (roi) does not fit the axes");
    for (size_t i = 0; i < axes.size(); ++i) {
      (*as)[i].start = roi[i];
      (*as)[i].end = roi[i + axes.size()];
    }
  }
  resizeBy(n, p, axes, *as);
}

void upsample(NodeReader &n) {
  Interpolation p;
  p.mode = n.attrStr("mode", "nearest");
  p.coordinates = "asymmetric";
  p.nearest = "floor";
  std::vector<double> scales;
  if (n.opset() < 9)
    for (float s : n.attrFloats("scales"))
      scales.push_back(s);
  else
    scales = reals(n.knownInput(1, "scales"));
  const Shape axes = allAxes(n);
  if (auto as = axesFromScales(n, axes, scales))
    resizeBy(n, p, axes, *as);
}

} // namespace mpc::frontend::ops
