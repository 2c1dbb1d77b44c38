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

} // namespace mpc::proto
