//===- passes/tensor/Cse.cpp - equal ops become one -----------------------===//
//   %3 = tensor.exp %1        %3 = tensor.exp %1
//   %4 = tensor.exp %1   ==>  (uses of %4 read %3)
// Stage: tensor (share-cse is the same at share level). Two ops are equal when
// opcode, operands, attributes and type are; small constants compare by value.
// Inputs are never merged.   Tests: tests/lit/passes/cse/
#include "passes/MergeEqual.h"
#include "passes/Pass.h"
#include "passes/Rewriter.h"
#include "llvm/ADT/Hashing.h"
#include <unordered_map>

using namespace mpc::ir;

namespace mpc::passes {
namespace {

/// Constants up to this size are compared element by element.
constexpr int64_t kMaxComparedConstant = 4096;

bool equalAttr(const Module &m, const Attr &a, const Attr &b) {
  const auto *ca = std::get_if<ConstId>(&a), *cb = std::get_if<ConstId>(&b);
  if (!ca || !cb)
    return a == b;
  if (*ca == *cb)
    return true;
  const ConstData &da = m.constData(*ca), &db = m.constData(*cb);
  return da.numel() <= kMaxComparedConstant && da == db;
}

bool equalOps(const Module &m, const Op &a, const Op &b) {
  if (a.opcode != b.opcode || a.operands != b.operands || a.type != b.type ||
      a.attrs.size() != b.attrs.size())
    return false;
  for (size_t i = 0; i < a.attrs.size(); ++i)
    if (a.attrs[i].first != b.attrs[i].first ||
        !equalAttr(m, a.attrs[i].second, b.attrs[i].second))
      return false;
  return true;
}

size_t hashOp(const Op &op) {
  llvm::hash_code h = llvm::hash_combine(
      static_cast<int>(op.opcode),
      llvm::hash_combine_range(op.type.shape.begin(), op.type.shape.end()));
  for (ValueId o : op.operands)
    h = llvm::hash_combine(h, o.index);
  for (const auto &[key, value] : op.attrs) {
    h = llvm::hash_combine(h, key);
    if (const auto *i = std::get_if<int64_t>(&value))
      h = llvm::hash_combine(h, *i);
  }
  return h;
}

} // namespace

void mergeEqualOps(Module &m) {
  std::unordered_multimap<size_t, ValueId> seen;
  rewriteEach(m, [&](ValueId v) -> std::optional<ValueId> {
    if (m.op(v).opcode == Opcode::Input)
      return std::nullopt;
    const size_t h = hashOp(m.op(v));
    for (auto [it, end] = seen.equal_range(h); it != end; ++it)
      if (equalOps(m, m.op(v), m.op(it->second)))
        return it->second;
    seen.emplace(h, v);
    return std::nullopt;
  });
}

llvm::Error cse(Module &m, Context &) {
  mergeEqualOps(m);
  return llvm::Error::success();
}

} // namespace mpc::passes
