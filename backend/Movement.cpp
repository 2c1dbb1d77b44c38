//===- backend/Movement.cpp -----------------------------------------------===//
#include "backend/Movement.h"

using namespace mpc::ir;

namespace mpc::backend {
namespace {

Movement view(int64_t offset, core::Strides strides) {
  return {true, offset, std::move(strides), {}};
}

Movement pad(Dims from, Dims to, Dims before) {
  const core::Strides own = core::rowMajorStrides(toShape(from));
  Movement r{false, 0, {}, {}};
  for (int64_t i = 0, n = numelOf(to); i < n; ++i) {
    int64_t flat = 0, rest = i;
    for (size_t a = from.size(); a-- > 0;) {
      const int64_t k = rest % to[a] - before[a];
      rest /= to[a];
      flat = k < 0 || k >= from[a] || flat < 0 ? -1 : flat + k * own[a];
    }
    r.indices.push_back(flat);
  }
  return r;
}

} // namespace

std::optional<Movement> movementOf(const Module &m, const Op &op) {
  if (op.operands.empty())
    return std::nullopt;
  const core::Shape from = toShape(m.type(op.operands[0]).shape);
  const core::Shape to = toShape(op.type.shape);
  switch (op.opcode) {
  case Opcode::Reshape:
    return view(0, core::rowMajorStrides(to));
  case Opcode::Broadcast:
    return view(0, core::broadcastStrides(from, to));
  case Opcode::Transpose: {
    const core::Strides own = core::rowMajorStrides(from);
    core::Strides s;
    for (int64_t p : op.intsAttr("perm"))
      s.push_back(own[p]);
    return view(0, std::move(s));
  }
  case Opcode::Slice: {
    core::Strides s = core::rowMajorStrides(from);
    int64_t offset = 0;
    for (size_t i = 0; i < s.size(); ++i) {
      offset += op.intsAttr("starts")[i] * s[i];
      s[i] *= op.intsAttr("steps")[i];
    }
    return view(offset, std::move(s));
  }
  case Opcode::Pad:
    return pad(from, to, op.intsAttr("before"));
  case Opcode::Take:
    return Movement{false, 0, {}, m.constData(op.constAttr("indices")).ints};
  default:
    return std::nullopt;
  }
}

} // namespace mpc::backend
