//===- runtime/emu/Coins.h - the randomness that results depend on --------===//
//
// Almost all randomness of the protocols cancels. What is left are the coins
// of roundings: of a truncation, the low bits of P1's share; of a spline, an
// exp, a fourier or a comparison that drops bits, the low bits of the mask. An
// emulator given the parties' coins reproduces their outputs bit for bit.
//
//===----------------------------------------------------------------------===//
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <vector>

namespace mpc::emu {

class CoinSource {
public:
  virtual ~CoinSource() = default;
  /// Uniform numbers of `bits` bits (1..64), one for each element of the result
  /// of instruction `instr` of the plan. Called at most once an instruction.
  virtual void coins(size_t instr, unsigned bits, std::span<uint64_t> out) = 0;
};

/// Coins from a seed: the same for the same seed and plan, whatever the number
/// of threads. Not for secrets (xoshiro256**, Blackman and Vigna 2018).
class SeededCoins final : public CoinSource {
public:
  explicit SeededCoins(uint64_t seed) : seed_(seed) {}
  void coins(size_t instr, unsigned bits, std::span<uint64_t> out) override;

private:
  uint64_t seed_;
};

/// The coins that parties drew, by instruction: what vm::InProcessResult
/// records. It outlives this.
class RecordedCoins final : public CoinSource {
public:
  using ByInstruction = std::map<uint32_t, std::vector<uint64_t>>;
  explicit RecordedCoins(const ByInstruction &drawn) : drawn_(drawn) {}
  void coins(size_t instr, unsigned bits, std::span<uint64_t> out) override;
  /// The emulator asked for coins that no party drew, or for another number of
  /// them: it and the parties do not run the same plan.
  bool missing() const { return missing_; }

private:
  const ByInstruction &drawn_;
  bool missing_ = false;
};

} // namespace mpc::emu
