//===- tests/e2e/Parties.cpp - a model among three parties, exactly -------===//
//
//   e2e-parties PLAN INPUT_DIR
//
// Runs a compiled model among three in-process parties and checks that outputs
// equal the emulator's to the bit under the parties' own rounding coins, that
// rounds and bytes on every link equal the declared cost, and that what
// evaluators receive looks uniform. Prints what each party received from whom.
//
//===----------------------------------------------------------------------===//
#include "runtime/emu/Emulator.h"
#include "runtime/plan/Files.h"
#include "runtime/plan/PlanCost.h"
#include "runtime/vm/InProcessRun.h"

#include <array>
#include <cmath>
#include <fmt/format.h>

using namespace mpc;

namespace {

int fail(const std::string &why) {
  fmt::print(stderr, "e2e-parties: error: {}\n", why);
  return 1;
}

std::string costDifference(const plan::PlanCost &want,
                           const vm::RunStats &got) {
  const std::pair<const char *, std::pair<uint64_t, uint64_t>> rows[] = {
      {"rounds", {want.rounds, got.rounds}},
      {"p0->p1", {want.p0ToP1, got.p0ToP1}},
      {"p0->p2", {want.p0ToP2, got.p0ToP2}},
      {"p1->p2", {want.p1ToP2, got.p1ToP2}},
      {"p2->p1", {want.p2ToP1, got.p2ToP1}},
      {"client->p1", {want.clientToP1, got.clientToP1}},
      {"client->p2", {want.clientToP2, got.clientToP2}},
      {"p1->client", {want.p1ToClient, got.p1ToClient}},
      {"p2->client", {want.p2ToClient, got.p2ToClient}}};
  for (const auto &[name, v] : rows)
    if (v.first != v.second)
      return fmt::format("{}: declared {}, measured {}", name, v.first,
                         v.second);
  return {};
}

/// Chi-square of the byte histogram against uniform, in standard deviations
/// from its mean. Zero bits that pad a payload to bytes are few here.
double deviation(const std::vector<uint8_t> &bytes) {
  std::array<double, 256> count{};
  for (uint8_t b : bytes)
    ++count[b];
  const double expected = static_cast<double>(bytes.size()) / 256;
  double chi = 0;
  for (double c : count)
    chi += (c - expected) * (c - expected) / expected;
  return (chi - 255) / std::sqrt(2 * 255.0);
}

} // namespace

int main(int argc, char **argv) {
  if (argc != 3)
    return fail("usage: e2e-parties PLAN INPUT_DIR");
  auto plan = plan::Plan::load(argv[1]);
  if (!plan)
    return fail(plan.error().message);
  auto weights = plan::loadWeights(*plan, argv[1], "");
  if (!weights)
    return fail(weights.error().message);
  auto inputs = plan::loadInputs(*plan, {argv[2], {}});
  if (!inputs)
    return fail(inputs.error().message);

  vm::InProcessOptions options;
  options.recordCoins = options.recordViews = true;
  auto run = vm::runInProcess(*plan, *weights, inputs->arrays, options);
  if (!run)
    return fail(run.error().message);
  if (std::string d = costDifference(plan::totalCost(*plan), run->stats);
      !d.empty())
    return fail(d);

  emu::RecordedCoins coins(run->coins);
  auto plain = emu::emulate(*plan, *weights, inputs->arrays, coins);
  if (!plain)
    return fail(plain.error().message);
  if (coins.missing())
    return fail("the emulator asked for coins that no party drew");
  for (size_t i = 0; i < plain->size(); ++i)
    if ((*plain)[i].bytes != run->outputs[i].bytes)
      return fail(fmt::format("output '{}' differs from its emulation",
                              plan->outputs[i].name));

  static const char *const kNames[] = {"P0", "P1", "P2", "client", "owner"};
  for (int party = 0; party < 3; ++party)
    for (int from = 0; from < 5; ++from) {
      const std::vector<uint8_t> &seen = run->views[party][from];
      if (seen.empty())
        continue;
      const double d = deviation(seen);
      fmt::print("{} received {} bytes from {}, chi-square {:+.1f} sigma\n",
                 kNames[party], seen.size(), kNames[from], d);
      // The exchange between the evaluators is masked values alone.
      if (party != 0 && from == 3 - party && seen.size() > 4096 && d > 6)
        return fail("what an evaluator receives from the other is not uniform");
      if (party == 0 && (from == 1 || from == 2) && seen.size() > 256)
        return fail("P0 received more than a handshake");
    }
  fmt::print("{} outputs equal their emulation to the bit\n", plain->size());
  return 0;
}
