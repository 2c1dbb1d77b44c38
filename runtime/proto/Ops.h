//===- runtime/proto/Ops.h - every op's handlers, from the table ----------===//
//
// For each row of PlanOps.def: deal<Name> at P0, begin<Name> at an evaluator,
// and, of ops that exchange, mask<Name> (the new l_j of the result, input
// independent: used by begin and by an evaluator's offline pass) and
// finish<Name>. They are defined in one .cpp per protocol family; a row
// without its handlers does not link.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/proto/Dealer.h"
#include "runtime/proto/Evaluator.h"

namespace mpc::proto {

// clang-format off
#define MPC_HANDLERS_0(Name)                                                   \
  void deal##Name(Dealer &p);                                                  \
  void begin##Name(Evaluator &p);
#define MPC_HANDLERS_1(Name)                                                   \
  MPC_HANDLERS_0(Name)                                                         \
  void mask##Name(Evaluator &p);                                               \
  void finish##Name(Evaluator &p, std::span<const uint8_t> received);
#define PLAN_OP(Name, mnemonic, opcode, operands, imms, exchange, doc)         \
  MPC_HANDLERS_##exchange(Name)
#include "runtime/plan/PlanOps.def"
#undef MPC_HANDLERS_0
#undef MPC_HANDLERS_1
// clang-format on

/// At the machine's current instruction.
void deal(Dealer &p);
void begin(Evaluator &p);
/// Precondition: the op exchanges.
void finish(Evaluator &p, std::span<const uint8_t> received);
/// The op in an evaluator's offline pass (p.masksOnly): masks, static
/// registers, and the products that matmul and matmul_const can compute ahead,
/// which are kept. Takes material only where dealtOffline().
void prepare(Evaluator &p);
/// Whether prepare() consumes what the instruction is dealt, so that nothing of
/// it is stored as it comes.
bool dealtOffline(const plan::Instr &in, const std::vector<uint8_t> &isStatic);
/// Bytes that prepare() keeps of the instruction.
size_t keptBytes(const plan::Plan &plan, const plan::Instr &in,
                 const std::vector<uint8_t> &isStatic);
inline size_t keptBytes(const Machine &p) {
  return keptBytes(p.plan, p.instr(), p.isStatic);
}

/// Fills isStatic.
void findStatic(Machine &p);

} // namespace mpc::proto
