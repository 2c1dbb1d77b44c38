//===- tools/MpccHistory.h - what became of each ONNX node ----------------===//
//
// Watches a compilation (MpccPipeline.h) and keeps, per node: its ops at each
// level, where it went if it disappeared, its bits and ranges, the tables that
// approximate it. For `mpcc explain` and `mpcc compile --annotate`.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "MpccPipeline.h"
#include "frontend/Annotate.h"
#include "passes/Approximations.h"
#include "runtime/plan/PlanCost.h"
#include "runtime/plan/PlanTime.h"
#include <set>

namespace mpc::tools {

/// A value of the fixed level.
struct FixedValue {
  std::string op;
  ir::Type type;
  std::optional<std::pair<double, double>> range;
};

/// A pass after which no op is the node's.
struct Departure {
  std::string pass;
  std::string into; ///< the node that goes on with it; empty: none
};

class History {
public:
  /// Text of the IR is kept for `wanted` only.
  explicit History(std::set<std::string> wanted = {})
      : wanted_(std::move(wanted)) {}

  llvm::Error imported(const frontend::ImportResult &model);
  llvm::Expected<bool> step(llvm::StringRef name, const ir::Module &m);

  const std::vector<frontend::GraphNode> &nodes() const { return nodes_; }
  /// Known when the graph was imported: why no op of a node is there.
  const std::string *absentSince(const std::string &node) const;
  const Departure *departure(const std::string &node) const;
  const std::vector<FixedValue> &values(const std::string &node) const;
  const std::vector<passes::Approximation> &approximations() const {
    return approximations_;
  }
  /// "import", "tensor", "fixed", "share": printed ops of a wanted node.
  const std::vector<std::string> &lines(const std::string &level,
                                        const std::string &node) const;
  const std::map<std::string, ir::Shape> &shapes() const { return shapes_; }

private:
  struct Snapshot {
    std::map<std::string, std::vector<uint32_t>> ops; ///< by node
    std::map<uint32_t, std::string> node;
    std::map<uint32_t, std::vector<uint32_t>> readers, reads;
  };
  static Snapshot snapshotOf(const ir::Module &m);
  std::string successor(const std::string &node, const Snapshot &now) const;
  void keepLines(const std::string &level, const ir::Module &m);

  std::set<std::string> wanted_;
  std::vector<frontend::GraphNode> nodes_;
  std::map<std::string, std::string> absent_;
  std::map<std::string, Departure> departed_;
  std::map<std::string, std::vector<FixedValue>> values_;
  std::map<std::string, std::map<std::string, std::vector<std::string>>> lines_;
  std::map<std::string, ir::Shape> shapes_;
  passes::ApproximationMeter meter_;
  std::vector<passes::Approximation> approximations_;
  Snapshot last_;
};

/// What a plan costs, by node.
struct NodeCosts {
  std::map<std::string, std::pair<plan::PlanCost, plan::PhaseTimes>> nodes;
  plan::PlanCost total;
  plan::PhaseTimes time;
  NodeCosts(const plan::Plan &plan, const plan::Profile &profile);
};

/// What a viewer shows of each node, and of the model.
frontend::Annotations annotationsOf(const History &h, const NodeCosts &costs,
                                    const plan::Profile &profile);

// --- texts ---
/// "fx<34,14,5>..fx<51,28,9>" of a node's fixed values.
std::string bitsText(const std::vector<FixedValue> &values);
std::string approximationText(const passes::Approximation &a);

} // namespace mpc::tools
