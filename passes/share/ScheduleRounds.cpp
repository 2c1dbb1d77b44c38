//===- passes/share/ScheduleRounds.cpp - exchanges share rounds -----------===//
//   %3 = share.trunc %1      %3 = share.trunc %1 {round = 0}
//   %4 = share.mul %3, %3    %5 = share.trunc %2 {round = 0}
//   %5 = share.trunc %2 ==>  %4 = share.mul %3, %3 {round = 1}
// Stage: share, the last pass. Every op runs in the first round in which its
// operands are there; the result of an exchange is there one round later, so
// the number of rounds is the longest chain of exchanges. Inputs and constants
// move to their first reader's round (a weight is loaded when it is used).
// Tests: tests/lit/passes/schedule-rounds/
#include "passes/Pass.h"
#include <algorithm>

using namespace mpc::ir;

namespace mpc::passes {

bool isExchange(Opcode op) {
  switch (op) {
  case Opcode::ShareTrunc:
  case Opcode::ShareExtend:
  case Opcode::ShareDigits:
  case Opcode::ShareSign:
  case Opcode::ShareBitAnd:
  case Opcode::ShareBitMux:
  case Opcode::ShareInRange:
  case Opcode::ShareOneHotBits:
  case Opcode::ShareSelectWords:
    return true;
  default:
    return false;
  }
}

llvm::Error scheduleRounds(Module &m, Context &) {
  constexpr int64_t kUnused = INT64_MAX;
  std::vector<int64_t> round(m.numValues(), 0);
  std::vector<ValueId> order = m.order();
  for (ValueId v : order)
    for (ValueId o : m.op(v).operands)
      round[v.index] =
          std::max(round[v.index],
                   round[o.index] + (isExchange(m.op(o).opcode) ? 1 : 0));

  std::vector<int64_t> firstReader(m.numValues(), kUnused);
  for (ValueId v : order)
    for (ValueId o : m.op(v).operands)
      firstReader[o.index] = std::min(firstReader[o.index], round[v.index]);
  for (ValueId v : order)
    if (m.op(v).operands.empty() && firstReader[v.index] != kUnused)
      round[v.index] = firstReader[v.index];

  std::stable_sort(order.begin(), order.end(), [&](ValueId a, ValueId b) {
    return round[a.index] < round[b.index];
  });
  for (ValueId v : order)
    if (info(m.op(v).opcode).level == Level::Share)
      m.op(v).setAttr("round", round[v.index]);
  m.setOrder(std::move(order));
  return llvm::Error::success();
}

} // namespace mpc::passes
