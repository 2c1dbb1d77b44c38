#include "tests/unit/proto/RunPlan.h"

using namespace mpc;
using namespace mpc::test;

namespace {

/// |x| as a spline of degree 1: exact at the ends of segments.
plan::Plan absPlan(int64_t n, unsigned ring, Ints &edges) {
  constexpr int64_t kWindow = 10, kDepth = 3, kG = 12, kA = 8;
  const int64_t h = kWindow - kDepth;
  Ints coeffs; // segment s: |s 2^h + u 2^h|, scale g + a, then a
  for (int64_t s = 0; s < 8; ++s) {
    const int64_t start = (s < 4 ? s : s - 8) << h;
    const int64_t sign = s < 4 ? 1 : -1;
    coeffs.push_back((sign * start) << (kG + kA - 8));
    coeffs.push_back((sign << h) << (kA - 8));
  }
  PlanBuilder b;
  Reg x = b.input({n}, ring);
  Reg y =
      b.op(PlanOp::Spline, Form::Additive, 40, {n}, {x},
           {{b.constant({16}, coeffs)}, {kWindow}, {kDepth}, {1}, {kG}, {kA}});
  b.output(b.trunc(y, kG));
  for (int64_t e = -511; e < 512 - (1 << h); e += 3)
    edges.push_back(e);
  return b.done();
}

} // namespace

TEST_CASE("spline: |x| piecewise, over its whole domain", "[proto]") {
  for (unsigned ring : {10u, 24u, 64u}) {
    INFO("ring " << ring);
    Ints domain;
    (void)absPlan(1, ring, domain);
    const auto n = static_cast<int64_t>(domain.size());
    Ints unused;
    const plan::Plan p = absPlan(n, ring, unused);
    const auto out = runAndCheck(p, {core::NpyArray::of<int64_t>({n}, domain)},
                                 weightsOf(p, {}));
    const auto y = out[0].as<int64_t>();
    for (size_t i = 0; i < domain.size(); ++i) {
      INFO("x " << domain[i]);
      // A value may fall to the segment beside its own, as masks have it, and
      // |x| bends at 0: one segment's width to each side is left out.
      const int64_t want = std::abs(domain[i]);
      if (domain[i] <= -128 || domain[i] >= 128)
        CHECK(std::abs(y[i] - want) <= 1);
    }
  }
}

TEST_CASE("exp: relative to std::exp over its domain", "[proto]") {
  constexpr int64_t kIn = 10, kTable = 20, kPublic = 12;
  for (int64_t depth : {1, 2, 3}) {
    INFO("depth " << depth);
    const int64_t h = kIn + 3, window = h + depth; // w = 8
    const int64_t lowest = -(((int64_t{1} << depth) - 1) << h) + 1;
    Ints v = {0, -1, lowest, lowest / 2};
    for (int64_t x = lowest; x <= 0; x += 97)
      v.push_back(x);
    if (depth == 3) // more than P0 deals at a time
      for (int64_t i = 0; i < 33'000; ++i)
        v.push_back(-i);
    const auto n = static_cast<int64_t>(v.size());
    PlanBuilder b;
    Reg x = b.input({n}, 30);
    Reg y = b.op(PlanOp::Exp, Form::Additive, 60, {n}, {x},
                 {{window}, {depth}, {kIn}, {kTable}, {kPublic}});
    b.output(b.trunc(y, kTable - 4)); // 16 fraction bits left
    const Ints out = run(b, {v})[0];
    for (size_t i = 0; i < v.size(); ++i) {
      const double want = std::exp(static_cast<double>(v[i]) / (1 << kIn));
      INFO("x " << v[i]);
      CHECK(std::abs(static_cast<double>(out[i]) / 65536 - want) < 4e-3);
    }
  }
}

TEST_CASE("fourier: harmonics and a line over a whole period", "[proto]") {
  // 3 + x / 2 + cos - 0.375 sin 2 of period 2^12 / 3 ulps; 9 fraction bits.
  for (unsigned ring : {24u, 40u, 64u})
    // The last is more than P0 sends at a time.
    for (int64_t n : {1, 63, 64, 65, 257, 1030, 16'700}) {
      if (n > 2000 && ring != 40)
        continue;
      INFO("ring " << ring << " n " << n);
      Ints v = {0, -1, 1, -2048, 2047};
      for (int64_t i = 0; static_cast<int64_t>(v.size()) < n; ++i)
        v.push_back(i * 2654435761 % 4096 - 2048);
      v.resize(static_cast<size_t>(n));
      constexpr int64_t kFrac = 26, kOne = int64_t{1} << 40;
      PlanBuilder b;
      Reg x = b.input({n}, ring);
      Reg y = b.op(
          PlanOp::Fourier, Form::Additive, 40, {n}, {x},
          {{b.constant({2, 4}, {kOne, 0, 13, 13, 0, -kOne / 8 * 3, 11, 12})},
           {12},
           {3},
           {kFrac},
           {3 << kFrac},
           {1 << (kFrac - 9 - 1)}});
      b.output(b.trunc(y, kFrac - 10));
      const Ints out = run(b, {v})[0];
      for (size_t i = 0; i < v.size(); ++i) {
        const double a = static_cast<double>(v[i]);
        const double t = 2 * M_PI * 3 * a / 4096;
        const double want =
            3 + a / 1024 + std::cos(t) - 0.375 * std::sin(2 * t);
        INFO("x " << v[i]);
        CHECK(std::abs(static_cast<double>(out[i]) / 1024 - want) < 2.2e-3);
      }
    }
}

TEST_CASE("select_words picks rows of words, any width", "[proto]") {
  struct Case {
    int64_t window, rows, d, n;
    unsigned word, ring;
  };
  for (Case c : {Case{4, 11, 3, 5, 7, 7},
                 {1, 2, 1, 1, 1, 9},
                 {0, 1, 5, 2, 64, 64},
                 {6, 64, 64, 3, 12, 20},
                 {10, 1000, 33, 9, 17, 40},
                 {7, 100, 130, 70, 32, 33}})
    for (size_t budget : {size_t{0}, size_t{1} << 30}) {
      INFO("rows " << c.rows << " of " << c.d << " words of " << c.word);
      Ints v;
      for (int64_t i = 0; i < c.n; ++i)
        v.push_back(i == 1 ? c.rows - 1 : i * 37 % c.rows);
      PlanBuilder b;
      Reg x = b.input({c.n}, static_cast<unsigned>(c.window) + 1);
      Reg table = b.weight({c.rows, c.d}, c.word, Form::Words);
      Reg bits = b.op(PlanOp::OneHotBits, Form::Bits, 1, {c.n, c.rows}, {x},
                      {{c.window}, {c.rows}});
      b.flush();
      Reg words = b.op(PlanOp::SelectWords, Form::Words, c.word, {c.n, c.d},
                       {bits, table}, {});
      b.flush();
      b.output(b.op(PlanOp::FromWords, Form::Additive, c.ring, {c.n, c.d},
                    {words}, {}));
      const Ints w = values(static_cast<size_t>(c.rows * c.d),
                            std::min(c.word - 1, 61u), 3);
      const plan::Plan p = b.done();
      const auto out = runAndCheck(p, {core::NpyArray::of<int64_t>({c.n}, v)},
                                   weightsOf(p, {w}), 2, budget);
      const auto got = out[0].as<int64_t>();
      bool right = true;
      for (int64_t i = 0; i < c.n; ++i)
        for (int64_t j = 0; j < c.d; ++j)
          right &= got[static_cast<size_t>(i * c.d + j)] ==
                   w[static_cast<size_t>(v[static_cast<size_t>(i)] * c.d + j)];
      CHECK(right);
    }
}

TEST_CASE("one_hot selects rows", "[proto]") {
  struct Case {
    unsigned ring;
    int64_t window, rows;
  };
  for (Case c :
       {Case{5, 4, 11}, {4, 4, 16}, {12, 1, 2}, {40, 10, 1000}, {3, 0, 1}}) {
    INFO("window " << c.window << " rows " << c.rows);
    Ints v;
    for (int64_t i = 0; i < 20; ++i)
      v.push_back(i == 1 ? c.rows - 1 : i * 37 % c.rows);
    // The ring reads the index as unsigned below rows.
    const auto n = static_cast<int64_t>(v.size());
    PlanBuilder b;
    Reg x = b.input({n}, c.ring + 1);
    b.output(b.op(PlanOp::OneHot, Form::Additive, 33, {n, c.rows}, {x},
                  {{c.window}, {c.rows}}));
    const Ints out = run(b, {v})[0];
    bool right = true;
    for (int64_t i = 0; i < n; ++i)
      for (int64_t r = 0; r < c.rows; ++r)
        right &= out[static_cast<size_t>(i * c.rows + r)] ==
                 (v[static_cast<size_t>(i)] == r);
    CHECK(right);
  }
}
