//===- tests/bench/ProtoBench.cpp - protocols, one thread a party ---------===//
//
// bench-proto [--benchmark_filter=...]. Each benchmark is a plan of one
// protocol among three parties of one process, a thread each. The time is what
// the three are busy with its instructions in both phases, without waiting for
// each other. An item is an element of the result. Counters, per item:
//
//   p0        seconds of the dealer
//   offline   seconds of an evaluator (the busier one), offline
//   online    the same, online: its share of throughput on one core
//   dealt     bytes from P0 to both
//   sent      bytes that P1 and P2 exchange, both ways
//   predicted seconds of all three by the loopback profile's constants
//   floor     seconds of all three if masks ran at this run's AES peak,
//             products at its vpmullq peak, and arrays and material at the
//             speed of memcpy in the cache; nothing else counts
//   share     floor / time
//
//===----------------------------------------------------------------------===//
#include <benchmark/benchmark.h>

#include <cstring>

#include "runtime/plan/Digits.h"
#include "runtime/plan/PlanCost.h"
#include "runtime/plan/PlanTime.h"
#include "runtime/plan/RangeLinks.h"
#include "runtime/vm/InProcessRun.h"
#include "tests/bench/Peaks.h"
#include "tests/unit/proto/PlanBuilder.h"

using namespace mpc;
using namespace mpc::test;

namespace {

constexpr int64_t kElements = 1 << 16;

/// Bytes a second through memcpy between buffers of kElements words.
double copyPeak() {
  static const double peak = [] {
    constexpr size_t kBytes = kElements * sizeof(uint64_t);
    std::vector<uint8_t> from(kBytes, 1), to(kBytes, 2);
    return kBytes * bench::callRate([&] {
             std::memcpy(to.data(), from.data(), kBytes);
             benchmark::DoNotOptimize(to.data());
             benchmark::ClobberMemory();
           });
  }();
  return peak;
}

/// Work.def priced at the machine's peaks; 0 where there is none.
plan::MachineProfile peakProfile() {
  const bench::Peaks &peaks = bench::peaks();
  plan::MachineProfile m;
#define WORK(name, key, unit, value, doc) m.name = 0;
#include "runtime/plan/Work.def"
  const auto price = [](double amount, double rate) {
    return rate > 0 ? amount / rate : 0;
  };
  m.macU32 = price(1, peaks.mul32);
  m.macU64 = price(1, peaks.mul64);
  m.aesBlock = price(16, peaks.aes);
  m.dpfLevel = price(2 * 16, peaks.aes); // a block for each evaluator's node
  m.dpfLeaf = price(8, peaks.aes);       // a word of a hashed block
  // A copy reads a byte and writes one.
  m.elementByte = price(0.5, copyPeak());
  m.dealtByte = m.storedByte = m.exchangedByte = price(1, copyPeak());
  return m;
}

double workSeconds(const plan::PlanWork &w, const plan::MachineProfile &m) {
  return w.dealer.seconds(m) + 2 * (w.offline.seconds(m) + w.online.seconds(m));
}

/// Values within the declared range of the input; from 0 up if `fromZero`.
std::vector<core::NpyArray> inputsOf(const plan::Plan &p, unsigned bits,
                                     bool fromZero) {
  std::vector<core::NpyArray> out;
  for (const plan::InputInfo &in : p.inputs) {
    const size_t n = static_cast<size_t>(core::numel(in.shape));
    Ints v = values(n, bits, out.size() + 1);
    if (fromZero)
      for (int64_t &x : v)
        x = x < 0 ? -x : x;
    out.push_back(core::NpyArray::of<int64_t>(in.shape, v));
  }
  return out;
}

/// Runs `p` and counts the instructions named, `n` elements each.
void measure(benchmark::State &state, const plan::Plan &p,
             std::initializer_list<PlanOp> ops, int64_t n, unsigned bits = 8,
             bool fromZero = false) {
  std::vector<Ints> weights;
  for (const plan::WeightInfo &w : p.weights)
    weights.push_back(values(static_cast<size_t>(core::numel(w.shape)),
                             std::min(w.ring - 1u, 8u), 9));
  const plan::Weights w = weightsOf(p, weights);
  const auto inputs = inputsOf(p, bits, fromZero);

  double p0 = 0, offline = 0, online = 0, all = 0;
  for (auto _ : state) {
    const auto run = vm::runInProcess(p, w, inputs);
    if (!run)
      return state.SkipWithError(run.error().message.c_str());
    std::array<double, 3> off = {}, on = {};
    for (size_t i = 0; i < 3; ++i)
      for (PlanOp op : ops) {
        const vm::OpTime &t = run->stats.ops[i][static_cast<size_t>(op)];
        off[i] += 1e-9 * static_cast<double>(t.offlineNs);
        on[i] += 1e-9 * static_cast<double>(t.onlineNs);
      }
    const double seconds = off[0] + off[1] + off[2] + on[1] + on[2];
    if (all == 0 || seconds < all) { // the least disturbed run
      all = seconds;
      p0 = off[0];
      offline = std::max(off[1], off[2]);
      online = std::max(on[1], on[2]);
    }
    state.SetIterationTime(seconds);
  }

  plan::PlanWork work;
  plan::PlanCost cost;
  const auto works = plan::instrWork(p);
  const auto costs = plan::instrCosts(p);
  for (size_t i = 0; i < p.code.size(); ++i)
    if (std::find(ops.begin(), ops.end(), p.code[i].op) != ops.end()) {
      work += works[i];
      cost += costs[i];
    }
  const auto items = static_cast<double>(n);
  const double floor = workSeconds(work, peakProfile());
  state.SetItemsProcessed(state.iterations() * n);
  state.counters["p0"] = p0 / items;
  state.counters["offline"] = offline / items;
  state.counters["online"] = online / items;
  state.counters["dealt"] =
      static_cast<double>(cost.p0ToP1 + cost.p0ToP2) / items;
  state.counters["sent"] =
      static_cast<double>(cost.p1ToP2 + cost.p2ToP1) / items;
  state.counters["predicted"] =
      workSeconds(work, plan::Profile::loopback().machine) / items;
  state.counters["floor"] = floor / items;
  state.counters["share"] = floor / all;
}

unsigned arg(const benchmark::State &state, int i) {
  return static_cast<unsigned>(state.range(i));
}

// --- linear and bilinear
// ------------------------------------------------------

void add(benchmark::State &state) {
  PlanBuilder b;
  Reg x = b.input({kElements}, arg(state, 0));
  Reg y = b.input({kElements}, arg(state, 0));
  b.output(
      b.op(PlanOp::Add, Form::Masked, arg(state, 0), {kElements}, {x, y}, {}));
  measure(state, b.done(), {PlanOp::Add}, kElements);
}

void mul(benchmark::State &state) {
  PlanBuilder b;
  Reg x = b.input({kElements}, arg(state, 0));
  Reg y = b.input({kElements}, arg(state, 0));
  b.output(b.op(PlanOp::Mul, Form::Additive, arg(state, 0), {kElements}, {x, y},
                {}));
  measure(state, b.done(), {PlanOp::Mul}, kElements);
}

/// [batch, m, k] x [k, n] of the owner, or x [batch, k, n] of the client's.
void matmul(benchmark::State &state, bool weights) {
  const unsigned ring = arg(state, 0);
  const int64_t batch = state.range(1), m = state.range(2), k = state.range(3),
                n = state.range(4);
  PlanBuilder b;
  Reg x = b.input({batch, m, k}, ring);
  Reg y = weights ? b.weight({k, n}, ring) : b.input({batch, k, n}, ring);
  b.output(b.op(PlanOp::MatMul, Form::Additive, ring, {batch, m, n}, {x, y},
                {{batch}, {m}, {k}, {n}, {m * k}, {weights ? 0 : k * n}}));
  measure(state, b.done(), {PlanOp::MatMul}, batch * m * n);
  state.counters["GMAC/s"] =
      benchmark::Counter(static_cast<double>(batch * m * k * n) * 1e-9,
                         benchmark::Counter::kIsIterationInvariantRate);
}
void matmulWeights(benchmark::State &state) { matmul(state, true); }
void matmulSecrets(benchmark::State &state) { matmul(state, false); }

// --- exchanges
// ----------------------------------------------------------------

void trunc(benchmark::State &state) {
  PlanBuilder b;
  Reg x = b.input({kElements}, arg(state, 0));
  Reg a = b.op(PlanOp::ToAdditive, Form::Additive, arg(state, 0), {kElements},
               {x}, {});
  b.output(b.trunc(a, state.range(1)));
  measure(state, b.done(), {PlanOp::Trunc}, kElements);
}

void extend(benchmark::State &state) {
  PlanBuilder b;
  Reg x =
      b.input({kElements}, arg(state, 0), static_cast<int>(arg(state, 0)) - 2);
  Reg y =
      b.op(PlanOp::Extend, Form::Masked, arg(state, 1), {kElements}, {x}, {});
  b.flush();
  b.output(y);
  measure(state, b.done(), {PlanOp::Extend}, kElements);
}

// --- univariate
// ---------------------------------------------------------------

/// d segment bits, degree D, ring K of the result.
void spline(benchmark::State &state) {
  const int64_t d = state.range(0), degree = state.range(1), window = d + 12;
  Ints coeffs;
  for (int64_t i = 0; i < (int64_t{1} << d) * (degree + 1); ++i)
    coeffs.push_back(i * 37 % 1024 - 512);
  const auto points = static_cast<int64_t>(coeffs.size());
  PlanBuilder b;
  Reg x = b.input({kElements}, static_cast<unsigned>(window));
  b.output(b.op(
      PlanOp::Spline, Form::Additive, arg(state, 2), {kElements}, {x},
      {{b.constant({points}, coeffs)}, {window}, {d}, {degree}, {12}, {12}}));
  measure(state, b.done(), {PlanOp::Spline}, kElements);
}

/// Entries of the table: 2^depth.
void exponential(benchmark::State &state) {
  const int64_t depth = state.range(0), window = depth + 13;
  PlanBuilder b;
  Reg x = b.input({kElements}, static_cast<unsigned>(window) + 1);
  b.output(b.op(PlanOp::Exp, Form::Additive, arg(state, 1), {kElements}, {x},
                {{window}, {depth}, {10}, {16}, {12}}));
  measure(state, b.done(), {PlanOp::Exp}, kElements);
}

void fourier(benchmark::State &state) {
  Ints rows;
  for (int64_t r = 0; r < state.range(0); ++r)
    rows.insert(rows.end(), {int64_t{1} << 38, r + 1, 13, 13});
  PlanBuilder b;
  Reg x = b.input({kElements}, 16);
  b.output(b.op(
      PlanOp::Fourier, Form::Additive, arg(state, 1), {kElements}, {x},
      {{b.constant({state.range(0), 4}, rows)}, {16}, {1}, {26}, {0}, {0}}));
  measure(state, b.done(), {PlanOp::Fourier}, kElements);
}

// --- comparisons and bits
// -------------------------------------------------------

/// x < 0 in a window of so many bits, by digits of so many.
void sign(benchmark::State &state) {
  PlanBuilder b;
  Reg x = b.input({kElements}, arg(state, 0));
  b.output(b.sign(x, state.range(0), 0, state.range(1)));
  measure(state, b.done(), {PlanOp::Digits, PlanOp::Sign}, kElements);
}

Reg bit(PlanBuilder &b) { return b.sign(b.input({kElements}, 4), 4, 0, 3); }

void bitAnd(benchmark::State &state) {
  PlanBuilder b;
  Reg y =
      b.op(PlanOp::BitAnd, Form::Bits, 1, {kElements}, {bit(b), bit(b)}, {});
  b.flush();
  b.output(y);
  measure(state, b.done(), {PlanOp::BitAnd}, kElements, 3);
}

void bitMux(benchmark::State &state) {
  PlanBuilder b;
  std::vector<Reg> six;
  for (int i = 0; i < 6; ++i)
    six.push_back(bit(b));
  Reg y = b.op(PlanOp::BitMux, Form::Bits, 1, {kElements}, six, {});
  b.flush();
  b.output(y);
  measure(state, b.done(), {PlanOp::BitMux}, kElements, 3);
}

void fromBits(benchmark::State &state) {
  PlanBuilder b;
  b.output(b.op(PlanOp::FromBits, Form::Additive, arg(state, 0), {kElements},
                {bit(b)}, {}));
  measure(state, b.done(), {PlanOp::FromBits}, kElements, 3);
}

void bitMul(benchmark::State &state) {
  PlanBuilder b;
  Reg x = b.input({kElements}, arg(state, 0));
  Reg s = b.sign(x, 4, 0, 3);
  b.output(b.op(PlanOp::BitMul, Form::Additive, arg(state, 0), {kElements},
                {s, x}, {}));
  measure(state, b.done(), {PlanOp::BitMul}, kElements, 3);
}

void inRange(benchmark::State &state) {
  const int64_t top = int64_t{1} << (arg(state, 0) - 1);
  const auto links = plan::rangeLinks(
      {-top / 8, top / 8, -top / 4, top / 4, -top, top - 1, arg(state, 0)});
  if (!links)
    return state.SkipWithError("no chain of links");
  PlanBuilder b;
  Reg x = b.input({kElements}, arg(state, 0));
  Reg fits = b.op(PlanOp::InRange, Form::Bits, 1, {64}, {x},
                  {{-top / 8}, {top / 8}, plan::linksToImm(*links)});
  b.flush();
  b.output(x);
  b.note(PlanOp::Guard, fits, {});
  measure(state, b.done(), {PlanOp::InRange, PlanOp::Guard}, kElements, 3);
}

// --- secret rows of a table
// -----------------------------------------------------

/// n rows of d words out of 2^v, over Z_2. An item is a word of the result.
void tableRows(benchmark::State &state) {
  const int64_t v = state.range(0), n = state.range(1), d = state.range(2),
                rows = int64_t{1} << v;
  constexpr unsigned kWordBits = 16;
  PlanBuilder b;
  Reg x = b.input({n}, static_cast<unsigned>(v) + 1);
  Reg table = b.weight({rows, d}, kWordBits, Form::Words);
  Reg bits =
      b.op(PlanOp::OneHotBits, Form::Bits, 1, {n, rows}, {x}, {{v}, {rows}});
  b.flush();
  Reg words = b.op(PlanOp::SelectWords, Form::Words, kWordBits, {n, d},
                   {bits, table}, {});
  b.flush();
  b.output(b.op(PlanOp::FromWords, Form::Additive, 33, {n, d}, {words}, {}));
  measure(state, b.done(),
          {PlanOp::OneHotBits, PlanOp::SelectWords, PlanOp::FromWords}, n * d,
          static_cast<unsigned>(v), true);
}

/// The same index as additive 0/1 words of ring K, an item each.
void oneHot(benchmark::State &state) {
  const int64_t v = state.range(0), n = 256, rows = int64_t{1} << v;
  PlanBuilder b;
  Reg x = b.input({n}, static_cast<unsigned>(v) + 1);
  b.output(b.op(PlanOp::OneHot, Form::Additive, arg(state, 1), {n, rows}, {x},
                {{v}, {rows}}));
  measure(state, b.done(), {PlanOp::OneHot}, n * rows, static_cast<unsigned>(v),
          true);
}

#define PROTOCOL(fn) BENCHMARK(fn)->UseManualTime()->Iterations(7)

PROTOCOL(add)->Arg(32)->Arg(48);
PROTOCOL(mul)->Arg(32)->Arg(48);
PROTOCOL(matmulWeights)
    ->Args({32, 1, 128, 768, 768})
    ->Args({40, 1, 128, 768, 768})
    ->Args({40, 1, 8, 4096, 1024});
PROTOCOL(matmulSecrets)
    ->Args({32, 12, 128, 64, 128})
    ->Args({40, 12, 128, 64, 128})
    ->Args({40, 12, 128, 128, 64});
PROTOCOL(trunc)->Args({32, 10})->Args({48, 20});
PROTOCOL(extend)->Args({16, 32})->Args({24, 40});
PROTOCOL(spline)->ArgsProduct({{4, 6, 8}, {1, 2, 3}, {24, 33}});
PROTOCOL(exponential)->ArgsProduct({{2, 4}, {33}});
PROTOCOL(fourier)->ArgsProduct({{4, 8, 16}, {33}});
PROTOCOL(sign)->ArgsProduct({{16, 24, 32}, {4, 5}});
PROTOCOL(bitAnd);
PROTOCOL(bitMux);
PROTOCOL(fromBits)->Arg(33);
PROTOCOL(bitMul)->Arg(33);
PROTOCOL(inRange)->Arg(24);
PROTOCOL(oneHot)->Args({10, 33});
PROTOCOL(tableRows)->Args({12, 128, 768})->Args({15, 32, 64});

} // namespace

BENCHMARK_MAIN();
