//===- runtime/proto/Prepare.h - offline steps of evaluators --------------===//
//
// Ops that compute something ahead of the online phase; called by prepare()
// with p.masksOnly set. They take no material.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/proto/Ops.h"

namespace mpc::proto {

void prepareInput(Evaluator &p);
void prepareMatMul(Evaluator &p);
void prepareMatMulConst(Evaluator &p);
void prepareSelectWords(Evaluator &p);

// Pieces of what a weight instruction makes, for packing them: elements first,
// first + 1, ... where first is a multiple of 8.
/// l1 + l2.
void weightMasks(const Dealer &p, const plan::Instr &weight, size_t first,
                 std::span<uint64_t> out);
/// m, and what party j multiplies the other operand's m with (ownHalf).
void weightHalves(const Evaluator &p, const plan::Instr &weight, size_t first,
                  std::span<uint64_t> m, std::span<uint64_t> own);

} // namespace mpc::proto
