//===- passes/Rewriter.h - rebuild a module's order op by op --------------===//
//
//   Rewriter rw(m);
//   for (ValueId v : rw.oldOrder()) {
//     rw.remapOperands(v);
//     if (auto r = simplify(m, v)) // may append new ops to m
//       rw.replace(v, *r);
//     else
//       rw.keep(v);
//   }
//   return rw.finish(); // remaps outputs, removes what died
//
// Ops appended to the module in between land at the right place. Appending
// invalidates `Op &`: take what you need from an op before you append.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "ir/Module.h"
#include "llvm/Support/Error.h"
#include <optional>

namespace mpc::passes {

class Rewriter {
public:
  explicit Rewriter(ir::Module &m) : m_(m), old_(m.order()) { m.setOrder({}); }

  const std::vector<ir::ValueId> &oldOrder() const { return old_; }
  /// What now stands for `v` (v itself if it was not replaced).
  ir::ValueId resolve(ir::ValueId v) const {
    auto it = map_.find(v.index);
    return it == map_.end() ? v : it->second;
  }
  void remapOperands(ir::ValueId v) {
    for (ir::ValueId &o : m_.op(v).operands)
      o = resolve(o);
  }
  void keep(ir::ValueId v) { m_.place(v); }
  /// Drops `v` and lets `by` (new, or kept before) stand for it. The range
  /// that calibration found goes along.
  void replace(ir::ValueId v, ir::ValueId by) {
    if (m_.op(v).range && !m_.op(by).range)
      m_.op(by).range = m_.op(v).range;
    map_[v.index] = by;
    changed_ = true;
  }
  /// Returns whether anything changed.
  bool finish() {
    for (ir::Output &o : m_.outputs())
      o.value = resolve(o.value);
    return m_.removeDead() || changed_;
  }

private:
  ir::Module &m_;
  std::vector<ir::ValueId> old_;
  llvm::DenseMap<uint32_t, ir::ValueId> map_;
  bool changed_ = false;
};

/// Replaces every value for which `rule` (ValueId to
/// Expected<std::optional<ValueId>>, operands remapped) has another. Returns
/// whether there was one; after an error the module is of no use.
template <class F> llvm::Expected<bool> tryRewriteEach(ir::Module &m, F rule) {
  Rewriter rw(m);
  bool replaced = false;
  for (ir::ValueId v : rw.oldOrder()) {
    rw.remapOperands(v);
    llvm::Expected<std::optional<ir::ValueId>> r = rule(v);
    if (!r)
      return r.takeError();
    if (*r) {
      rw.replace(v, **r);
      replaced = true;
    } else {
      rw.keep(v);
    }
  }
  rw.finish();
  return replaced;
}

/// The same for rules that cannot fail (to std::optional<ValueId>).
template <class F> bool rewriteEach(ir::Module &m, F rule) {
  return llvm::cantFail(tryRewriteEach(
      m, [&](ir::ValueId v) -> llvm::Expected<std::optional<ir::ValueId>> {
        return rule(v);
      }));
}

} // namespace mpc::passes
