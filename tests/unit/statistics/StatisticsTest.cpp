// The numerics of the protocols as statements: every value and mask of small
// rings, all edges of extensions, the distribution of truncation's error and of
// what a party sees. MPCC_LONG_STATISTICS=1 takes ten times the samples and
// rings of up to 12 bits (a minute instead of seconds).
#include "Trio.h"

#include <cstdlib>

using namespace mpc;
using namespace mpc::test;

namespace {

bool longRun() { return std::getenv("MPCC_LONG_STATISTICS") != nullptr; }
size_t samples() { return longRun() ? 10'000'000 : 1'000'000; }

using Values = std::vector<uint64_t>;

/// All pairs of a value in [lo, hi] and a mask of the ring.
struct Pairs {
  Values x, l;
  Pairs(int64_t lo, int64_t hi, unsigned ring) {
    for (int64_t v = lo; v <= hi; ++v)
      for (uint64_t mask = 0; mask < uint64_t{1} << ring; ++mask) {
        x.push_back(core::fromSigned(v, ring));
        l.push_back(mask);
      }
  }
  int64_t size() const { return static_cast<int64_t>(x.size()); }
};

} // namespace

TEST_CASE("comparison: every value and every mask", "[statistics]") {
  for (unsigned ring = 2; ring <= (longRun() ? 12 : 8); ++ring)
    for (int64_t digit : {1, 3, 4, 5}) {
      if ((static_cast<int64_t>(ring) - 2 + digit) / digit > 8)
        continue;
      INFO("ring " << ring << " digit " << digit);
      const int64_t half = int64_t{1} << (ring - 1);
      const Pairs all(-half, half - 1, ring);
      PlanBuilder b;
      const Reg x = b.input({all.size()}, ring);
      const Reg s = b.sign(x, ring, 0, digit);
      Trio trio(b);
      trio.masked(x, all.x, all.l);
      trio.run();
      size_t wrong = 0;
      for (size_t i = 0; i < all.x.size(); ++i)
        wrong += trio.value(s, i) != all.x[i] >> (ring - 1);
      CHECK(wrong == 0);
    }
}

TEST_CASE("spline: every value of the domain and every mask", "[statistics]") {
  // x^2 in every segment, where it is exact: whatever segment the mask's
  // borrow leads to, the value is the same up to the rounding of payloads.
  constexpr int64_t kG = 20, kA = 10;
  for (unsigned window = 3; window <= (longRun() ? 12 : 8); ++window)
    for (int64_t depth = 1; depth < window; ++depth) {
      INFO("window " << window << " depth " << depth);
      const int64_t h = static_cast<int64_t>(window) - depth;
      const int64_t half = int64_t{1} << (window - 1);
      Ints coeffs;
      for (int64_t s = 0; s < int64_t{1} << depth; ++s) {
        const int64_t start =
            (s < int64_t{1} << (depth - 1) ? s : s - (int64_t{1} << depth))
            << h;
        coeffs.push_back((start * start) << (kG + kA));
        coeffs.push_back((2 * start << h) << kA);
        coeffs.push_back((int64_t{1} << 2 * h) << kA);
      }
      const Pairs all(-half, half - 1 - (int64_t{1} << h), window);
      PlanBuilder b;
      const Reg x = b.input({all.size()}, window);
      const Reg y =
          b.op(PlanOp::Spline, Form::Additive, 60, {all.size()}, {x},
               {{b.constant({static_cast<int64_t>(coeffs.size())}, coeffs)},
                {window},
                {depth},
                {2},
                {kG},
                {kA}});
      Trio trio(b);
      trio.masked(x, all.x, all.l);
      trio.run();
      double worst = 0;
      for (size_t i = 0; i < all.x.size(); ++i) {
        const double v = static_cast<double>(core::toSigned(all.x[i], window));
        const double got =
            std::ldexp(static_cast<double>(trio.number(y, i)), -(kG + kA));
        worst = std::max(worst, std::fabs(got - v * v));
      }
      // A payload's half ulp times the largest weights, and theirs.
      CHECK(worst <= std::ldexp(static_cast<double>(2 * half << h), -kG) +
                         std::ldexp(4.0, -kA));
    }
}

TEST_CASE("extension: every value and every mask", "[statistics]") {
  for (unsigned ring = 3; ring <= (longRun() ? 12 : 9); ++ring)
    for (unsigned to : {ring + 1, 33u, 64u}) {
      INFO("ring " << ring << " to " << to);
      const int64_t edge = int64_t{1} << (ring - 2);
      const Pairs all(-edge, edge, ring);
      PlanBuilder b;
      const Reg x = b.input({all.size()}, ring, static_cast<int>(ring) - 2);
      const Reg y =
          b.op(PlanOp::Extend, Form::Masked, to, {all.size()}, {x}, {});
      b.flush();
      Trio trio(b);
      trio.masked(x, all.x, all.l);
      trio.run();
      size_t wrong = 0;
      for (size_t i = 0; i < all.x.size(); ++i)
        wrong += trio.number(y, i) != core::toSigned(all.x[i], ring);
      CHECK(wrong == 0);
    }
}

TEST_CASE("extension: the edges of every ring", "[statistics]") {
  std::mt19937_64 rng(3);
  for (unsigned ring = 3; ring < 64; ++ring) {
    INFO("ring " << ring);
    const int64_t edge = int64_t{1} << (ring - 2);
    const uint64_t top = core::ringMask(ring);
    Values x, l;
    for (int64_t v :
         {edge, -edge, edge - 1, 1 - edge, int64_t{0}, int64_t{1}, int64_t{-1}})
      for (uint64_t mask : {uint64_t{0}, uint64_t{1}, top, top / 2, top / 2 + 1,
                            top - 1, rng() & top, rng() & top})
        x.push_back(core::fromSigned(v, ring)), l.push_back(mask);
    const auto n = static_cast<int64_t>(x.size());
    PlanBuilder b;
    const Reg r = b.input({n}, ring, static_cast<int>(ring) - 2);
    const Reg y = b.op(PlanOp::Extend, Form::Masked, 64, {n}, {r}, {});
    b.flush();
    Trio trio(b);
    trio.masked(r, x, l);
    trio.run();
    for (size_t i = 0; i < x.size(); ++i)
      CHECK(trio.number(y, i) == core::toSigned(x[i], ring));
  }
}

TEST_CASE("truncation: unbiased, below one ulp, exact on multiples",
          "[statistics]") {
  struct Class {
    unsigned ring;
    int64_t bits;
  };
  for (Class c : {Class{12, 4},
                  {24, 12},
                  {32, 15},
                  {48, 1},
                  {52, 20},
                  {64, 15},
                  {64, 40}}) {
    INFO("ring " << c.ring << " bits " << c.bits);
    const size_t n = samples();
    const int64_t unit = int64_t{1} << c.bits;
    const int64_t bound = (int64_t{1} << (c.ring - 2)) - unit;
    std::mt19937_64 rng(c.ring * 64 + static_cast<uint64_t>(c.bits));
    Values x(n);
    for (size_t i = 0; i < n; ++i) {
      const int64_t v =
          static_cast<int64_t>(rng() % static_cast<uint64_t>(2 * bound + 1)) -
          bound;
      x[i] = core::fromSigned(i % 8 ? v : v / unit * unit, c.ring);
    }
    PlanBuilder b;
    const Reg in = b.input({static_cast<int64_t>(n)}, c.ring);
    const Reg z = b.op(PlanOp::ToAdditive, Form::Additive, c.ring,
                       {static_cast<int64_t>(n)}, {in}, {});
    const Reg y = b.trunc(z, c.bits);
    Trio trio(b);
    trio.masked(in, x, Values(n, 0)); // the zero share makes it uniform
    trio.run();
    double sum = 0;
    size_t wrong = 0, inexact = 0;
    for (size_t i = 0; i < n; ++i) {
      const int64_t v = core::toSigned(x[i], c.ring);
      const double e = static_cast<double>(trio.number(y, i) * unit - v) /
                       static_cast<double>(unit);
      sum += e;
      wrong += std::fabs(e) >= 1;
      inexact += v % unit == 0 && e != 0;
    }
    CHECK(wrong == 0);
    CHECK(inexact == 0);
    // The error's standard deviation is at most a half.
    CHECK(std::fabs(sum) <= 5 * 0.5 * std::sqrt(static_cast<double>(n)));
  }
}

TEST_CASE("what evaluators see is uniform", "[statistics]") {
  constexpr unsigned kRing = 40;
  const size_t n = samples() / 4;
  for (int64_t secret : {int64_t{0}, int64_t{-1}, int64_t{1} << 37}) {
    INFO("secret " << secret);
    PlanBuilder b;
    const auto count = static_cast<int64_t>(n);
    const Reg in = b.input({count}, kRing);
    const Reg z =
        b.op(PlanOp::ToAdditive, Form::Additive, kRing, {count}, {in}, {});
    const Reg y = b.trunc(z, 16);
    Trio trio(b);
    trio.masked(in, Values(n, core::fromSigned(secret, kRing)), Values(n, 0));
    trio.run();
    // Chi-square of the low and the high byte, 255 degrees of freedom: mean
    // 255, standard deviation 22.6.
    for (unsigned shift : {0u, kRing - 16 - 8}) {
      std::array<double, 256> bins{};
      for (size_t i = 0; i < n; ++i)
        ++bins[trio.seen(y, i) >> shift & 255];
      const double want = static_cast<double>(n) / 256;
      double chi = 0;
      for (double c : bins)
        chi += (c - want) * (c - want) / want;
      CHECK(chi < 255 + 8 * 22.6);
      CHECK(chi > 255 - 8 * 22.6);
    }
  }
}
