// Every op of the sample plan against double arithmetic.
#include "runtime/emu/Emulator.h"
#include "../plan/SamplePlan.h"
#include "runtime/core/Ring.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <map>
#include <random>
#include <set>

using namespace mpc;
using namespace mpc::emu;
using plan::PlanOp;
using plan::Reg;
using plan::sample::make;

namespace {

using Reals = std::vector<double>;

/// Values of every register of the sample, by its own text.
struct Run {
  plan::Plan p = make();
  std::vector<float> x;
  plan::Weights w;
  std::map<Reg, Reals> reg;
  std::vector<core::NpyArray> outputs;

  explicit Run(uint64_t seed, std::vector<int64_t> ids = {4, 0}) {
    std::mt19937 rng(static_cast<unsigned>(seed));
    std::uniform_real_distribution<double> d(-2, 2);
    for (int i = 0; i < 6; ++i)
      x.push_back(static_cast<float>(d(rng)));
    for (const plan::WeightInfo &i : p.weights) {
      std::vector<uint64_t> t;
      for (int64_t j = 0; j < core::numel(i.shape); ++j)
        t.push_back(core::fromSigned(std::llround(d(rng) / 2 * 4096), i.ring));
      w.tensors.push_back(t);
    }
    auto in = core::NpyArray::of<float>({2, 3}, x);
    auto index = core::NpyArray::of<int64_t>({2}, ids);
    SeededCoins coins(seed);
    EmulateOptions o;
    o.threads = 2;
    o.observe = [&](size_t i, std::span<const uint64_t> v) {
      Reg r = p.code[i].out;
      const plan::RegInfo &t = p.regs[r];
      for (uint64_t e : v) {
        double s = t.form == plan::Form::Bits
                       ? double(e)
                       : double(core::toSigned(e, t.ring));
        reg[r].push_back(std::ldexp(s, -t.frac));
      }
    };
    auto y = emulate(p, w, {in, index}, coins, o);
    if (y)
      outputs = *y;
    else
      error = y.error().message;
  }
  std::string error;
};

Reals map(const Reals &x, double (*f)(double)) {
  Reals y;
  for (double v : x)
    y.push_back(f(v));
  return y;
}

template <class F> Reals zip(const Reals &x, const Reals &y, F f) {
  Reals z;
  for (size_t i = 0; i < x.size(); ++i)
    z.push_back(f(x[i], y[i % y.size()]));
  return z;
}

} // namespace

TEST_CASE("each op computes what its row says", "[emu]") {
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    Run run(seed);
    INFO("seed " << seed);
    REQUIRE(run.error.empty());
    auto &r = run.reg;
    std::set<PlanOp> checked{PlanOp::Flush, PlanOp::Output, PlanOp::Digits,
                             PlanOp::Range, PlanOp::Guard};
    auto check = [&](Reg reg, PlanOp op, const Reals &want, double tolerance) {
      INFO("%" << reg);
      const Reals &got = r[reg];
      REQUIRE(got.size() == want.size());
      for (size_t i = 0; i < want.size(); ++i) {
        INFO("element " << i << ": got " << got[i] << ", want " << want[i]);
        REQUIRE(std::fabs(got[i] - want[i]) <= tolerance);
      }
      for (const plan::Instr &in : run.p.code)
        if (in.out == reg)
          REQUIRE(in.op == op);
      checked.insert(op);
    };
    const double ulp = 1.0 / 4096;
    Reals exact(run.x.begin(), run.x.end());
    check(0, PlanOp::Input, exact, ulp / 2);
    Reals weight;
    for (uint64_t v : run.w.tensors[0])
      weight.push_back(double(core::toSigned(v, 40)) / 4096);
    check(1, PlanOp::Weight, weight, 0);
    Reals product(8, 0);
    for (size_t i = 0; i < 2; ++i)
      for (size_t j = 0; j < 4; ++j)
        for (size_t k = 0; k < 3; ++k)
          product[4 * i + j] += r[0][3 * i + k] * r[1][4 * k + j];
    check(2, PlanOp::MatMul, product, 0);
    check(3, PlanOp::Trunc, product, ulp);
    Reals y = r[3], first4(y.begin(), y.begin() + 4);
    check(4, PlanOp::Add, zip(y, y, [](double a, double b) { return a + b; }),
          0);
    check(5, PlanOp::Sub, y, 0);
    check(6, PlanOp::Neg, map(y, [](double a) { return -a; }), 0);
    check(7, PlanOp::Shl, map(y, [](double a) { return -2 * a; }), 0);
    check(8, PlanOp::AddConst,
          zip(r[0], {1 * ulp, -2 * ulp, 3 * ulp},
              [](double a, double b) { return a + b; }),
          0);
    check(9, PlanOp::MulConst,
          zip(r[8], {1, -2, 3}, [](double a, double b) { return a * b; }), 0);
    // The last row of the constant is 2^63 - 1 = -1 and -2^63 = 0 in ring 28.
    Reals c{1, 0, 0, 1, -1, 2, -1, 0}, mc(4, 0);
    for (size_t i = 0; i < 2; ++i)
      for (size_t j = 0; j < 2; ++j)
        for (size_t k = 0; k < 4; ++k)
          mc[2 * i + j] += y[4 * i + k] * c[2 * k + j];
    check(10, PlanOp::MatMulConst, mc, 0);
    check(11, PlanOp::ReduceSum,
          {y[0] + y[1] + y[2] + y[3], y[4] + y[5] + y[6] + y[7]}, 0);
    check(12, PlanOp::Drop, y, 0);
    check(13, PlanOp::ToAdditive, y, 0);
    check(14, PlanOp::Strided, {y[0], y[4], y[1], y[5], y[2], y[6], y[3], y[7]},
          0);
    Reals joined = y;
    joined.insert(joined.end(), r[4].begin(), r[4].end());
    check(15, PlanOp::Concat, joined, 0);
    check(16, PlanOp::Take, {y[7], 0, y[0]}, 0);
    check(17, PlanOp::Extend, y, 0);
    check(18, PlanOp::Mul, map(y, [](double a) { return a * a; }), 0);
    // Segment s is 2 (s + u) with X = (s + u) 2^18: a straight line through
    // all of them. The dealer's tau has 8 bits.
    check(19, PlanOp::Spline, map(y, [](double a) { return a / 32; }),
          2.0 / 256);
    Reals e = map(y, [](double a) { return std::exp(a); });
    for (size_t i = 0; i < y.size(); ++i)
      if (y[i] > 0)
        e[i] = r[20][i]; // outside its domain
    // Half an ulp of each factor: e^16 units of the dealt one.
    check(20, PlanOp::Exp, e, 0.5 / 4096 + 0.51 * std::exp(16.0) / 4096);
    // Units of 2^-12 of both factors; the second harmonic's have 10 bits.
    check(33, PlanOp::Fourier,
          map(y,
              [](double a) {
                const double angle = 2 * M_PI * a / 256;
                return 1 + a / 2 + 0.75 * std::cos(angle) -
                       0.25 * std::sin(2 * angle);
              }),
          3.0 / 1024);
    REQUIRE(r[21].empty());
    // Dropping 4 bits may carry: values of less than 16 ulps have either sign.
    Reals sign = r[22];
    for (size_t i = 0; i < y.size(); ++i)
      if (std::fabs(y[i]) >= 16 * ulp || y[i] >= 0)
        sign[i] = y[i] < 0;
    check(22, PlanOp::Sign, sign, 0);
    Reals inverse = map(r[22], [](double b) { return 1 - b; });
    check(23, PlanOp::BitNot, inverse, 0);
    check(24, PlanOp::BitAnd, Reals(8, 0), 0);
    check(25, PlanOp::BitXor, inverse, 0);
    check(26, PlanOp::FromBits, inverse, 0);
    check(27, PlanOp::Trunc, inverse, 0);
    check(28, PlanOp::BitMul,
          zip(inverse, y, [](double b, double a) { return b * a; }), 0);
    check(30, PlanOp::OneHot, {0, 0, 0, 0, 1, 1, 0, 0, 0, 0}, 0);
    // s and t are opposite: c01 where s is clear (t set), else c10.
    check(32, PlanOp::BitMux,
          zip(r[22], inverse,
              [](double s, double not_s) { return s != 0 ? s : not_s; }),
          0);
    check(35, PlanOp::OneHotBits, {0, 0, 0, 0, 1, 1, 0, 0, 0, 0}, 0);
    Reals rows;
    for (size_t i : {4, 0})
      rows.insert(rows.end(), r[34].begin() + 4 * i, r[34].begin() + 4 * i + 4);
    check(36, PlanOp::SelectWords, rows, 0);
    check(37, PlanOp::FromWords, rows, 0);
    check(38, PlanOp::InRange, Reals(64, 0), 0); // |y| < 12
    for (const plan::PlanOpInfo &op : plan::allPlanOps()) {
      INFO(op.mnemonic);
      CHECK(checked.count(op.op) == 1);
    }
    // Outputs: type and values of the registers; the public one as stated.
    REQUIRE(run.outputs.size() == 3);
    for (size_t i = 0; i < 8; ++i) {
      CHECK(run.outputs[0].as<float>()[i] == float(y[i]));
      CHECK(run.outputs[1].as<bool>()[i] == (inverse[i] != 0));
    }
    CHECK(run.outputs[2].as<int64_t>()[1] == -1);
  }
}

TEST_CASE("an index beyond the table names its node", "[emu]") {
  plan::Plan p = make();
  CHECK(Run(1, {5, 0}).error ==
        "'one_hot': index 5 is out of range for 5 rows");
}

TEST_CASE("what does not fit the plan is refused", "[emu]") {
  plan::Plan p = make();
  SeededCoins coins(1);
  CHECK(emulate(p, {}, {}, coins).error().message ==
        "0 inputs given, the plan has 2");
  std::vector<float> x(6, 9);
  std::vector<int64_t> ids(2, 0);
  std::vector<core::NpyArray> in{core::NpyArray::of<float>({2, 3}, x),
                                 core::NpyArray::of<int64_t>({2}, ids)};
  CHECK(emulate(p, {}, in, coins).error().message ==
        "input 'x': element 0 is 9, outside the declared range [-4, 4]");
  std::fill(x.begin(), x.end(), 1.0f);
  in[0] = core::NpyArray::of<float>({2, 3}, x);
  CHECK(emulate(p, {}, in, coins).error().message ==
        "0 weights given, the plan has 3");
  plan::Weights w;
  w.tensors = {{1}, {2}, {3}};
  CHECK(emulate(p, w, in, coins).error().message ==
        "weight 'w' has 1 elements, the plan's shape is 3x4");
}

TEST_CASE("a comparison's dropped bits carry with the mask's", "[emu]") {
  // x = -1 with 2 bits dropped: negative unless the coin carries.
  plan::Plan p =
      make("plan \"s\" version 2\n"
           "input \"x\" int64[4000] ring 16 frac 0 range [-9, 9]\n"
           "output \"y\" bool[4000] ring 4 frac 0\n"
           "%0 = input index=0 : masked<16,0,8>[4000]\n"
           "%1 = digits %0, window=8, drop=2, digit=4 : bits<1,0,1>[3x4000]\n"
           "flush\n"
           "%2 = sign %1, %0, window=8, drop=2, digit=4 : bits<1,0,1>[4000]\n"
           "flush\n"
           "%3 = from_bits %2 : additive<4,0,1>[4000]\n"
           "%4 = trunc %3, bits=0, rerandomize=0 : masked<4,0,1>[4000]\n"
           "flush\n"
           "output %4, index=0\n");
  auto ones = [&](int64_t x) {
    std::vector<int64_t> v(4000, x);
    SeededCoins coins(11);
    auto y = emulate(p, {}, {core::NpyArray::of<int64_t>({4000}, v)}, coins);
    REQUIRE(y);
    int n = 0;
    for (bool b : (*y)[0].as<bool>())
      n += b;
    return n;
  };
  CHECK(ones(0) == 0);
  CHECK(ones(9) == 0);
  CHECK(ones(-4) == 4000);
  CHECK(std::abs(ones(-1) - 1000) < 150);
  CHECK(std::abs(ones(-3) - 3000) < 150);
}
