//===- tests/unit/statistics/Trio.h - three parties, masks by hand --------===//
//
// The protocols' own code on registers that a test fills: value and mask of
// every element are chosen, so that all pairs of a small ring can be gone
// through. Dealer first, then both evaluators in lockstep.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/core/Ring.h"
#include "runtime/kernels/ThreadPool.h"
#include "runtime/proto/BitVector.h"
#include "runtime/proto/Ops.h"
#include "tests/unit/proto/PlanBuilder.h"

#include <array>
#include <catch2/catch.hpp>
#include <random>

namespace mpc::test {

class Trio {
public:
  explicit Trio(const PlanBuilder &b, uint64_t seed = 1)
      : plan_(b.done()), prgs_{prg(seed, 1), prg(seed, 2), prg(seed, 3),
                               prg(seed, 4), prg(seed, 5)},
        pool_(1),
        dealer_(plan_, {prgs_[0], prgs_[1], prgs_[3], prgs_[4]}, pool_, sink_),
        first_(plan_, 1, {prgs_[0], prgs_[2], prgs_[3]}, pool_, sink_.of[0],
               io_),
        second_(plan_, 2, {prgs_[1], prgs_[2], prgs_[4]}, pool_, sink_.of[1],
                io_),
        rng_(seed) {}

  /// A masked register: x and its mask l, element by element.
  void masked(Reg r, const std::vector<uint64_t> &x,
              const std::vector<uint64_t> &l) {
    const unsigned ring = plan_.regs[r].ring;
    const size_t n = x.size();
    proto::Words m(n), l1(n), l2(n);
    for (size_t i = 0; i < n; ++i) {
      l1.data()[i] = core::reduce(rng_(), ring);
      l2.data()[i] = core::reduce(l[i] - l1.data()[i], ring);
      m.data()[i] = core::reduce(x[i] + l[i], ring);
    }
    first_.regs[r] = {m.clone(), l1.clone()};
    second_.regs[r] = {m.clone(), l2.clone()};
    dealer_.regs[r] = {l1.clone(), l2.clone()};
  }
  /// An additive register: x, the first share uniform.
  void additive(Reg r, const std::vector<uint64_t> &x) {
    const unsigned ring = plan_.regs[r].ring;
    proto::Words a(x.size()), b(x.size());
    for (size_t i = 0; i < x.size(); ++i) {
      a.data()[i] = core::reduce(rng_(), ring);
      b.data()[i] = core::reduce(x[i] - a.data()[i], ring);
    }
    first_.regs[r].a = std::move(a);
    second_.regs[r].a = std::move(b);
  }

  /// All instructions but inputs.
  void run() {
    std::vector<uint32_t> pending;
    std::vector<std::pair<size_t, size_t>> part;
    for (uint32_t i = 0; i < plan_.code.size(); ++i)
      if (plan_.code[i].op != PlanOp::Input) {
        dealer_.at(i);
        proto::deal(dealer_);
        REQUIRE(dealer_.status());
      }
    for (uint32_t i = 0; i < plan_.code.size(); ++i) {
      const PlanOp op = plan_.code[i].op;
      if (op == PlanOp::Input)
        continue;
      if (op != PlanOp::Flush) {
        const size_t at = first_.outgoing.size();
        for (proto::Evaluator *e : {&first_, &second_}) {
          e->at(i);
          proto::begin(*e);
          REQUIRE(e->status());
        }
        if (plan::info(op).exchange) {
          pending.push_back(i);
          part.emplace_back(at, first_.outgoing.size() - at);
        }
        continue;
      }
      const std::vector<uint8_t> toSecond = first_.outgoing,
                                 toFirst = second_.outgoing;
      for (size_t k = 0; k < pending.size(); ++k) {
        first_.at(pending[k]);
        second_.at(pending[k]);
        const auto [at, n] = part[k];
        proto::finish(first_, std::span(toFirst).subspan(at, n));
        proto::finish(second_, std::span(toSecond).subspan(at, n));
      }
      first_.outgoing.clear();
      second_.outgoing.clear();
      pending.clear();
      part.clear();
    }
  }

  /// Element i of a register after run(), reduced to its ring.
  uint64_t value(Reg r, size_t i) const {
    const plan::RegInfo &info = plan_.regs[r];
    const proto::Share &a = first_.regs[r], &b = second_.regs[r];
    if (info.form == Form::Bits)
      return proto::bitAt(a.a, i) ^ proto::bitAt(a.b, i) ^ proto::bitAt(b.b, i);
    if (info.form == Form::Additive)
      return core::reduce(a.a.data()[i] + b.a.data()[i], info.ring);
    return core::reduce(a.a.data()[i] - a.b.data()[i] - b.b.data()[i],
                        info.ring);
  }
  int64_t number(Reg r, size_t i) const {
    return core::toSigned(value(r, i), plan_.regs[r].ring);
  }
  /// m of a masked register, as both evaluators see it.
  uint64_t seen(Reg r, size_t i) const { return first_.regs[r].a.data()[i]; }

private:
  struct Queue final : proto::MaterialSource {
    std::vector<uint8_t> bytes;
    size_t at = 0;
    Result<std::span<const uint8_t>> take(size_t n) override {
      if (n > bytes.size() - at)
        return Error{"no material left"};
      at += n;
      return std::span<const uint8_t>(bytes).subspan(at - n, n);
    }
  };
  struct Sink final : proto::MaterialSink {
    std::array<Queue, 2> of;
    Status put(int party, core::SecretVector<uint8_t> bytes) override {
      std::vector<uint8_t> &to = of[static_cast<size_t>(party) - 1].bytes;
      to.insert(to.end(), bytes.begin(), bytes.end());
      return {};
    }
  };
  struct NoIo final : proto::EvaluatorIo {
    std::span<const uint8_t> maskedInput(uint32_t) override { return {}; }
    std::span<const uint8_t> maskedWeight(size_t) override { return {}; }
    void output(std::span<const uint8_t>, std::span<const uint8_t>) override {}
  };

  static crypto::Prg prg(uint64_t seed, uint8_t which) {
    std::array<uint8_t, 16> key{};
    std::memcpy(key.data(), &seed, sizeof seed);
    key[15] = which;
    return crypto::Prg(crypto::Key128(key));
  }

  const plan::Plan plan_;
  const std::array<crypto::Prg, 5> prgs_; ///< k01, k02, k12, d01, d02
  kernels::ThreadPool pool_;
  Sink sink_;
  NoIo io_;
  proto::Dealer dealer_;
  proto::Evaluator first_, second_;
  std::mt19937_64 rng_;
};

} // namespace mpc::test
