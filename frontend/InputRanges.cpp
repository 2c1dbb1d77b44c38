//===- frontend/InputRanges.cpp -------------------------------------------===//
#include "frontend/InputRanges.h"
#include "frontend/ModelFile.h"
#include "llvm/ADT/STLExtras.h"

using namespace mpc::ir;

namespace mpc::frontend {

/// Whether a calibration sample counts this input's indices from the end.
static bool hasNegative(const InputInfo &i,
                        const std::vector<NamedArrays> &samples) {
  for (const NamedArrays &sample : samples) {
    auto it = sample.find(i.name);
    if (it == sample.end())
      continue;
    auto d = fromNpy(it->second, i.elem);
    if (!d)
      llvm::consumeError(d.takeError());
    else if (llvm::any_of(d->ints, [](int64_t x) { return x < 0; }))
      return true;
  }
  return false;
}

void deriveInputRanges(ir::Module &m, std::vector<InputInfo> &inputs,
                       const std::vector<NamedArrays> &samples) {
  std::vector<ValueId> source(m.numValues());
  std::vector<std::optional<int64_t>> rows(m.numValues());
  for (ValueId v : m.order()) {
    const ir::Op &op = m.op(v);
    switch (op.opcode) {
    case Opcode::Input:
      source[v.index] = v;
      break;
    case Opcode::Reshape:
    case Opcode::Transpose:
    case Opcode::Slice:
    case Opcode::Broadcast:
    case Opcode::Take:
      source[v.index] = source[op.operands[0].index];
      break;
    case Opcode::Gather:
      if (ValueId in = source[op.operands[1].index]; in.valid()) {
        int64_t n = m.type(op.operands[0]).shape[op.intAttr("axis")];
        auto &r = rows[in.index];
        r = r ? std::min(*r, n) : n;
      }
      break;
    default:
      break;
    }
  }
  for (InputInfo &i : inputs) {
    if (i.bound)
      continue;
    if (i.elem == Elem::Bool)
      i.range = {0, 1};
    else if (i.elem == Elem::I64 && rows[i.value.index].value_or(0) > 0) {
      const double n = static_cast<double>(*rows[i.value.index]);
      i.range = {hasNegative(i, samples) ? -n : 0, n - 1};
    }
    if (i.range) {
      m.op(i.value).setAttr("lo", i.range->first);
      m.op(i.value).setAttr("hi", i.range->second);
    }
  }
}

} // namespace mpc::frontend
