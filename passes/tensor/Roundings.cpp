//===- passes/tensor/Roundings.cpp ----------------------------------------===//
#include "passes/tensor/Roundings.h"
#include "passes/Movement.h"
#include "passes/Scale.h"
#include <cmath>

using namespace mpc::ir;

namespace mpc::passes {

Roundings::Roundings(const Module &m)
    : m_(m), read_(m.numValues(), false), summed_(read_), raw_(read_),
      rounded_(read_), normalized_(read_), intBits_(m.numValues(), -64),
      readers_(m.numValues(), 0), productsOf_(readers_), sum_(m.numValues()) {
  for (uint32_t i = 0; i < sum_.size(); ++i)
    sum_[i] = i;
  findReaders();
  findRoundings();
  for (uint32_t i = 0; i < sum_.size(); ++i)
    sum_[i] = root(i);
  for (ValueId v : m_.order())
    if (isReal(v))
      intBits_[sum(v)] = std::max(
          intBits_[sum(v)], intBitsOf(m_.op(v).range.value_or(Range{0, 0})));
  findNormalized();
}

uint32_t Roundings::root(uint32_t v) {
  while (sum_[v] != v)
    v = sum_[v] = sum_[sum_[v]];
  return v;
}

bool Roundings::isLinear(const Op &op) const {
  switch (op.opcode) {
  case Opcode::Add:
  case Opcode::Sub:
  case Opcode::Neg:
  case Opcode::ReduceSum:
  case Opcode::Concat:
    return true;
  case Opcode::Mul:
    return !isReal(op.operands[0]) || !isReal(op.operands[1]);
  default:
    return isMovement(op.opcode);
  }
}

bool Roundings::isProduct(const Op &op) const {
  return (op.opcode == Opcode::Mul || op.opcode == Opcode::MatMul) &&
         !isLinear(op);
}

bool Roundings::isScaled(const Op &op) const {
  if (op.opcode != Opcode::Mul || !isLinear(op))
    return false;
  for (ValueId o : op.operands)
    if (std::optional<double> c = m_.uniformConstant(o))
      return std::exp2(std::round(std::log2(std::fabs(*c)))) != std::fabs(*c);
  return true;
}

void Roundings::findReaders() {
  std::vector<int64_t> pieces(m_.numValues(), 0), taken = pieces;
  for (const Output &o : m_.outputs())
    read_[o.value.index] = true;
  for (ValueId v : m_.order()) {
    const Op &op = m_.op(v);
    for (ValueId o : op.operands) {
      ++readers_[o.index];
      productsOf_[o.index] += isProduct(op);
      if (!isLinear(op))
        read_[o.index] = true;
      else if (op.opcode == Opcode::ReduceSum)
        summed_[o.index] = true;
      else if (isScaled(m_.op(o)) && m_.type(o).numel() * 8 <= op.type.numel())
        read_[o.index] = true;
      if (op.opcode == Opcode::Slice || op.opcode == Opcode::Take) {
        ++pieces[o.index];
        taken[o.index] += op.type.numel();
      }
    }
  }
  for (ValueId v : m_.order()) // as quantize has it
    if (pieces[v.index] > 4 || taken[v.index] > m_.type(v).numel())
      read_[v.index] = true;
}

void Roundings::findRoundings() {
  for (ValueId v : m_.order()) {
    const Op &op = m_.op(v);
    bool raw = isProduct(op) || isScaled(op);
    if (isLinear(op))
      for (ValueId o : op.operands)
        raw |= raw_[o.index];
    const bool here =
        raw && (read_[v.index] || (summed_[v.index] && readers_[v.index] > 1));
    raw_[v.index] = raw && !here;
    rounded_[v.index] = here;
    if (isLinear(op) && raw)
      for (ValueId o : op.operands)
        if (raw_[o.index])
          sum_[root(o.index)] = root(v.index);
  }
}

ValueId Roundings::softmaxOf(ValueId v) const {
  if (m_.op(v).opcode == Opcode::Take)
    v = m_.op(v).operands[0];
  return m_.op(v).opcode == Opcode::Softmax ? v : ValueId{};
}

void Roundings::findNormalized() {
  auto read = [&](ValueId o) {
    if (const ValueId s = softmaxOf(o); s.valid())
      normalized_[s.index] = true;
  };
  for (ValueId v : m_.order()) {
    const Op &op = m_.op(v);
    for (size_t i = 0; i < op.operands.size(); ++i)
      if (!(op.opcode == Opcode::Take && softmaxOf(v).valid()) &&
          !(op.opcode == Opcode::MatMul && i == 0))
        read(op.operands[i]);
  }
  for (const Output &o : m_.outputs())
    read(o.value);
}

} // namespace mpc::passes
