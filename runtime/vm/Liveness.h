//===- runtime/vm/Liveness.h - when registers die -------------------------===//
#pragma once

#include "runtime/plan/Plan.h"
#include "runtime/proto/Machine.h"

namespace mpc::vm {

/// Frees registers after their last use. The result of an exchange that nobody
/// reads lives until its flush.
class Liveness {
public:
  explicit Liveness(const plan::Plan &plan) : plan_(plan) {
    const std::vector<uint32_t> last = plan::lastUses(plan);
    dying_.resize(plan.code.size());
    for (plan::Reg r = 0; r < last.size(); ++r)
      dying_[last[r]].push_back(r);
  }
  /// After instruction i.
  void release(proto::Machine &m, uint32_t i) const {
    for (plan::Reg r : dying_[i])
      if (!(plan_.code[i].out == r && plan::info(plan_.code[i].op).exchange))
        m.regs[r].reset();
  }
  /// After the flush of exchange i.
  void releasePending(proto::Machine &m, uint32_t i) const {
    for (plan::Reg r : dying_[i])
      if (plan_.code[i].out == r)
        m.regs[r].reset();
  }

private:
  const plan::Plan &plan_;
  std::vector<std::vector<plan::Reg>> dying_;
};

} // namespace mpc::vm
