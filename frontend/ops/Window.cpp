//===- frontend/ops/Window.cpp - convolution and pooling
//--------------------===//
//
// Windows are data movement: a take() lays every window out as a row (padding
// gives zeros), then a matrix product or a reduction does the work. Any number
// of spatial axes, strides, dilations, pads and groups.
//
//===----------------------------------------------------------------------===//
#include "frontend/ops/Ops.h"
#include "llvm/ADT/STLExtras.h"

namespace mpc::frontend::ops {

namespace {
struct Windows {
  int64_t n, c;
  Shape in, kernel, strides, dilations, before, after, out;
  int64_t places() const { return ir::numelOf(out); }
  int64_t taps() const { return ir::numelOf(kernel); }
};
} // namespace

/// Reads the geometry; `kernel` is given where the weights say it.
static std::optional<Windows> readWindows(NodeReader &n,
                                          std::optional<Shape> kernel) {
  const Shape s = n.shape(n.in(0));
  if (s.size() < 3) {
    n.fail("needs a tensor of rank 3 or more");
    return std::nullopt;
  }
  const size_t dims = s.size() - 2;
  Windows w{s[0], s[1], Shape(s.begin() + 2, s.end()), {}, {}, {}, {}, {}, {}};
  auto list = [&](const char *name, std::vector<int64_t> otherwise,
                  int64_t least) {
    auto v = n.attrInts(name, std::move(otherwise));
    if (llvm::any_of(
            v, [&](int64_t x) { return x < least || x > kMaxFoldedElements; }))
      n.fail("attribute '" + llvm::Twine(name) + "' is " + listStr(v));
    return Shape(v.begin(), v.end());
  };
  w.kernel = list("kernel_shape",
                  kernel ? std::vector<int64_t>(kernel->begin(), kernel->end())
                         : std::vector<int64_t>{},
                  1);
  w.strides = list("strides", std::vector<int64_t>(dims, 1), 1);
  w.dilations = list("dilations", std::vector<int64_t>(dims, 1), 1);
  Shape pads = list("pads", std::vector<int64_t>(2 * dims, 0), 0);
  if (w.kernel.size() != dims || w.strides.size() != dims ||
      w.dilations.size() != dims || pads.size() != 2 * dims ||
      (kernel && w.kernel != *kernel))
    n.fail("kernel_shape, strides, dilations or pads do not fit data of "
           "shape " +
           shapeStr(s));
  const std::string automatic = n.attrStr("auto_pad", "NOTSET");
  const bool same = automatic == "SAME_UPPER" || automatic == "SAME_LOWER";
  if (!same && automatic != "NOTSET" && automatic != "VALID")
    n.fail("attribute 'auto_pad' is " + automatic);
  const bool ceil = n.attrInt("ceil_mode", 0);
  for (size_t i = 0; i < dims && !n.failed(); ++i) {
    int64_t before = pads[i], after = pads[i + dims];
    const int64_t span = (w.kernel[i] - 1) * w.dilations[i] + 1;
    if (automatic == "VALID")
      before = after = 0;
    if (same) {
      const int64_t places = (w.in[i] + w.strides[i] - 1) / w.strides[i];
      const int64_t total =
          std::max<int64_t>((places - 1) * w.strides[i] + span - w.in[i], 0);
      before = automatic == "SAME_UPPER" ? total / 2 : (total + 1) / 2;
      after = total - before;
    }
    const int64_t room = w.in[i] + before + after - span;
    if (room < 0) {
      n.fail("a window of " + llvm::Twine(span) + " on an axis of " +
             llvm::Twine(w.in[i] + before + after));
      break;
    }
    int64_t places = room / w.strides[i] + 1;
    // Rounding up must not add a window that starts in the padding after.
    if (ceil && room % w.strides[i] && places * w.strides[i] < w.in[i] + before)
      ++places;
    w.before.push_back(before);
    w.after.push_back(after);
    w.out.push_back(places);
  }
  if (n.failed())
    return std::nullopt;
  // Sizes of 0 must not hide that the others are large.
  Shape all{std::max<int64_t>(w.n, 1), std::max<int64_t>(w.c, 1)};
  all.append(w.out);
  all.append(w.kernel);
  auto total = ir::checkedNumel(all);
  if (!total || *total > kMaxFoldedElements) {
    n.fail("the windows have too many elements");
    return std::nullopt;
  }
  return w;
}

/// For every place and tap the flat spatial index, -1 in the padding.
static std::vector<int64_t> tapIndices(const Windows &w) {
  const Shape str = strides(w.in), outStr = strides(w.out),
              kStr = strides(w.kernel);
  std::vector<int64_t> result;
  for (int64_t p = 0; p < w.places(); ++p)
    for (int64_t t = 0; t < w.taps(); ++t) {
      int64_t flat = 0;
      for (size_t i = 0; i < w.in.size(); ++i) {
        const int64_t at = p / outStr[i] % w.out[i] * w.strides[i] -
                           w.before[i] +
                           t / kStr[i] % w.kernel[i] * w.dilations[i];
        flat = flat < 0 || at < 0 || at >= w.in[i] ? -1 : flat + at * str[i];
      }
      result.push_back(flat);
    }
  return result;
}

/// Rows [N, G, places, C/G * taps] times columns [G, C/G * taps, M/G] as
/// [N, M, places].
static ValueId groupProduct(NodeReader &n, ValueId rows, ValueId columns,
                            int64_t outputs) {
  const Shape s = n.shape(rows);
  if (n.failed())
    return {};
  ValueId y;
  if (s[1] == 1) {
    const Shape c = n.shape(columns);
    y = n.matmul(n.reshape(rows, {s[0], s[2], s[3]}),
                 n.reshape(columns, {c[1], c[2]}));
    return n.transpose(y, {0, 2, 1});
  }
  y = n.transpose(n.matmul(rows, columns), {0, 1, 3, 2});
  return n.reshape(y, {s[0], outputs, s[2]});
}

ValueId convOf(NodeReader &n, ValueId x, ValueId weights) {
  const Shape ws = n.shape(weights);
  auto fail = [&](const llvm::Twine &why) {
    n.fail(why);
    return ValueId{};
  };
  if (ws.size() < 3)
    return fail("weights of shape " + shapeStr(ws));
  auto w = readWindows(n, Shape(ws.begin() + 2, ws.end()));
  if (!w)
    return {};
  const int64_t groups = n.attrInt("group", 1), outputs = ws[0];
  if (groups < 1 || groups > kMaxFoldedElements || w->c % groups ||
      outputs % groups || ws[1] != w->c / groups)
    return fail("attribute 'group' is " + llvm::Twine(groups) + " for " +
                llvm::Twine(w->c) + " channels and weights of shape " +
                shapeStr(ws));
  // Rows [N, G, places, C/G * taps] times columns [G, C/G * taps, M/G].
  const auto taps = tapIndices(*w);
  const int64_t places = w->places(), nTaps = w->taps(),
                image = ir::numelOf(w->in), depth = ws[1] * nTaps;
  std::vector<int64_t> index;
  index.reserve(w->n * w->c * taps.size());
  for (int64_t b = 0; b < w->n; ++b)
    for (int64_t g = 0; g < groups; ++g)
      for (int64_t p = 0; p < places; ++p)
        for (int64_t c = 0; c < ws[1]; ++c)
          for (int64_t t = 0; t < nTaps; ++t) {
            const int64_t flat = taps[p * nTaps + t];
            index.push_back(
                flat < 0 ? -1 : (b * w->c + g * ws[1] + c) * image + flat);
          }
  ValueId rows = n.take(x, std::move(index), {w->n, groups, places, depth});
  ValueId columns = n.transpose(
      n.reshape(weights, {groups, outputs / groups, depth}), {0, 2, 1});
  Shape out{w->n, outputs};
  out.append(w->out.begin(), w->out.end());
  return n.reshape(groupProduct(n, rows, columns, outputs), out);
}

void conv(NodeReader &n) {
  ValueId y = convOf(n, n.in(0), n.in(1));
  if (n.has(2) && !n.failed())
    y = n.add(y, alongChannels(n, n.in(2), n.rank(y)));
  n.out(y);
}

/// Every output place reads the inputs that a window at them would reach.
void convTranspose(NodeReader &n) {
  ValueId x = n.in(0), weights = n.in(1);
  const Shape s = n.shape(x), ws = n.shape(weights);
  if (s.size() < 3 || ws.size() != s.size() || ws[0] != s[1])
    return n.fail("data of shape " + shapeStr(s) + " and weights of shape " +
                  shapeStr(ws));
  const size_t dims = s.size() - 2;
  const int64_t groups = n.attrInt("group", 1);
  if (groups < 1 || groups > kMaxFoldedElements || s[1] % groups)
    return n.fail("attribute 'group' is " + llvm::Twine(groups));
  Ints in = Ints(s).drop_front(2), kernel = Ints(ws).drop_front(2);
  auto list = [&](const char *name, int64_t otherwise, size_t size) {
    auto v = n.attrInts(name, std::vector<int64_t>(size, otherwise));
    if (v.size() != size || llvm::any_of(v, [](int64_t a) {
          return a < 0 || a > kMaxFoldedElements;
        }))
      n.fail("attribute '" + llvm::Twine(name) + "' is " + listStr(v));
    v.resize(size, otherwise);
    return v;
  };
  const auto strides = list("strides", 1, dims),
             dilations = list("dilations", 1, dims),
             extra = list("output_padding", 0, dims),
             pads = list("pads", 0, 2 * dims);
  auto wanted = n.attrInts("output_shape");
  const std::string automatic = n.attrStr("auto_pad", "NOTSET");
  if (wanted.size() > dims)
    wanted.erase(wanted.begin(), wanted.end() - dims);
  const bool same = automatic == "SAME_UPPER" || automatic == "SAME_LOWER";
  if (!wanted.empty() && wanted.size() != dims)
    n.fail("attribute 'output_shape' is " + listStr(wanted));
  if (n.failed())
    return;
  Shape before, out;
  for (size_t i = 0; i < dims; ++i) {
    if (!wanted.empty() && (wanted[i] < 1 || wanted[i] > kMaxFoldedElements))
      return n.fail("an output axis of size " + llvm::Twine(wanted[i]));
    const int64_t full = strides[i] * (in[i] - 1) + extra[i] +
                         (kernel[i] - 1) * dilations[i] + 1;
    if (!wanted.empty() || same) {
      out.push_back(wanted.empty() ? in[i] * strides[i] : wanted[i]);
      const int64_t total = std::max<int64_t>(full - out.back(), 0);
      before.push_back(automatic == "SAME_UPPER" ? total / 2
                                                 : total - total / 2);
    } else {
      const bool valid = automatic == "VALID";
      before.push_back(valid ? 0 : pads[i]);
      out.push_back(full - (valid ? 0 : pads[i] + pads[i + dims]));
    }
    if (out.back() < 1 || strides[i] < 1)
      return n.fail("an output axis of size " + llvm::Twine(out.back()));
  }
  if (n.failed())
    return;
  // Sizes of 0 must not hide that the others are large.
  Shape all{std::max<int64_t>(s[0], 1), std::max<int64_t>(s[1], 1)};
  all.append(out);
  all.append(kernel.begin(), kernel.end());
  if (n.tooLarge(ir::checkedNumel(all).value_or(kMaxFoldedElements + 1)))
    return;
  const int64_t places = ir::numelOf(out), taps = ir::numelOf(kernel),
                image = ir::numelOf(in), each = s[1] / groups,
                outputs = ws[1] * groups;
  const Shape inStr = mpc::frontend::strides(in),
              outStr = mpc::frontend::strides(out),
              kStr = mpc::frontend::strides(kernel);
  auto source = [&](int64_t place, int64_t tap) {
    int64_t flat = 0;
    for (size_t i = 0; i < dims; ++i) {
      const int64_t at = place / outStr[i] % out[i] + before[i] -
                         tap / kStr[i] % kernel[i] * dilations[i];
      if (at < 0 || at % strides[i] || at / strides[i] >= in[i])
        return int64_t{-1};
      flat += at / strides[i] * inStr[i];
    }
    return flat;
  };
  std::vector<int64_t> index;
  for (int64_t b = 0; b < s[0]; ++b)
    for (int64_t g = 0; g < groups; ++g)
      for (int64_t p = 0; p < places; ++p)
        for (int64_t c = 0; c < each; ++c)
          for (int64_t t = 0; t < taps; ++t) {
            const int64_t flat = source(p, t);
            index.push_back(
                flat < 0 ? -1 : (b * s[1] + g * each + c) * image + flat);
          }
  ValueId rows =
      n.take(x, std::move(index), {s[0], groups, places, each * taps});
  // [C, M/G, taps] -> [G, C/G * taps, M/G]
  ValueId columns =
      n.reshape(n.transpose(n.reshape(weights, {groups, each, ws[1], taps}),
                            {0, 1, 3, 2}),
                {groups, each * taps, ws[1]});
  Shape result{s[0], outputs};
  result.append(out.begin(), out.end());
  ValueId y = n.reshape(groupProduct(n, rows, columns, outputs), result);
  if (n.has(2) && !n.failed())
    y = n.add(y, alongChannels(n, n.in(2), n.rank(y)));
  n.out(y);
}

/// Lays the windows out as [N, C, places, taps].
static ValueId layOut(NodeReader &n, const Windows &w,
                      const std::vector<int64_t> &taps) {
  const int64_t image = ir::numelOf(w.in);
  std::vector<int64_t> index;
  index.reserve(w.n * w.c * taps.size());
  for (int64_t i = 0; i < w.n * w.c; ++i)
    for (int64_t t : taps)
      index.push_back(t < 0 ? -1 : i * image + t);
  return n.take(n.in(0), std::move(index), {w.n, w.c, w.places(), w.taps()});
}

static Shape pooledShape(const Windows &w) {
  Shape out{w.n, w.c};
  out.append(w.out.begin(), w.out.end());
  return out;
}

void maxPool(NodeReader &n) {
  auto w = readWindows(n, std::nullopt);
  if (!w)
    return;
  auto taps = tapIndices(*w);
  // Padding must never win: it repeats an element of its window.
  const int64_t size = w->taps();
  for (int64_t p = 0; p < w->places(); ++p) {
    auto first = taps.begin() + p * size, last = first + size;
    auto inside = std::find_if(first, last, [](int64_t t) { return t >= 0; });
    if (inside == last)
      return n.fail("a window lies entirely in the padding");
    std::replace(first, last, int64_t{-1}, *inside);
  }
  ValueId y = n.reduce(Opcode::ReduceMax, layOut(n, *w, taps), {3}, false);
  n.out(n.reshape(y, pooledShape(*w)));
}

void averagePool(NodeReader &n) {
  auto w = readWindows(n, std::nullopt);
  if (!w)
    return;
  auto taps = tapIndices(*w);
  const bool includePad = n.attrInt("count_include_pad", 0);
  const Shape outStr = strides(w->out), kStr = strides(w->kernel);
  std::vector<float> scale;
  for (int64_t p = 0; p < w->places(); ++p) {
    int64_t count = 0;
    for (int64_t t = 0; t < w->taps(); ++t) {
      // With rounding up, taps beyond the padding never count.
      bool within = true;
      for (size_t i = 0; i < w->in.size(); ++i)
        within &= p / outStr[i] % w->out[i] * w->strides[i] +
                      t / kStr[i] % w->kernel[i] * w->dilations[i] <
                  w->in[i] + w->before[i] + w->after[i];
      count += taps[p * w->taps() + t] >= 0 || (includePad && within);
    }
    scale.push_back(1.0f / static_cast<float>(std::max<int64_t>(count, 1)));
  }
  ValueId sum = n.reduce(Opcode::ReduceSum, layOut(n, *w, taps), {3}, false);
  ValueId factor = llvm::all_equal(scale) ? n.scalar(scale[0])
                                          : n.floats(scale, {w->places()});
  n.out(n.reshape(n.mul(sum, factor), pooledShape(*w)));
}

static Shape spatialAxes(NodeReader &n) {
  Shape axes;
  for (int64_t i = 2; i < n.rank(n.in(0)); ++i)
    axes.push_back(i);
  return axes;
}

void globalAveragePool(NodeReader &n) {
  n.out(meanOver(n, n.in(0), spatialAxes(n), true));
}

void globalMaxPool(NodeReader &n) {
  n.out(n.reduce(Opcode::ReduceMax, n.in(0), spatialAxes(n), true));
}

} // namespace mpc::frontend::ops
