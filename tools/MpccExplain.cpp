//===- tools/MpccExplain.cpp - mpcc explain: what became of a node --------===//
#include "MpccHistory.h"
#include "mpcc.h"
#include "llvm/ADT/StringExtras.h"
#include <algorithm>

namespace mpc::tools {
namespace {

struct ExplainOptions {
  PipelineOptions pipeline;
  std::vector<std::string> nodes;
  size_t lines = 12;
};

/// Names like the one that is not there, nearest first.
std::string closest(const std::string &name,
                    const std::vector<frontend::GraphNode> &nodes) {
  std::vector<std::pair<unsigned, std::string>> near;
  for (const frontend::GraphNode &n : nodes) {
    const bool part = llvm::StringRef(n.name).contains(name);
    near.emplace_back(
        part ? 0 : llvm::StringRef(name).edit_distance(n.name, true, 0),
        n.name);
  }
  const size_t shown = std::min<size_t>(5, near.size());
  std::partial_sort(near.begin(), near.begin() + static_cast<long>(shown),
                    near.end());
  std::string text;
  for (size_t i = 0; i < shown; ++i)
    text += fmt::format("\n  {}", near[i].second);
  return text;
}

class Explanation {
public:
  Explanation(const ExplainOptions &o, const History &h, const Compiled &c)
      : o_(o), h_(h), c_(c), costs_(c.emitted.plan, c.options.profile) {}

  void print(const std::string &node) {
    const auto it = llvm::find_if(
        h_.nodes(), [&](const auto &n) { return n.name == node; });
    fmt::print("{} ({})\n", node, it->opType);
    if (const std::string *why = h_.absentSince(node)) {
      fmt::print("  costs nothing: {}\n", *why);
      return;
    }
    fate(node);
    for (const char *level : {"import", "tensor", "fixed", "share"})
      section(level, h_.lines(level, node));
    section("plan", planLines(node));
    values(node);
    approximations(node);
    cost(node);
  }

private:
  void fate(const std::string &node) const {
    std::string at = node;
    std::set<std::string> seen;
    while (const Departure *d = h_.departure(at)) {
      if (!seen.insert(at).second)
        break;
      const passes::PassInfo *p = passes::findPass(d->pass);
      fmt::print("  after {} ({}) none of its ops is left", d->pass,
                 p ? p->summary.str() : "");
      if (d->into.empty()) {
        fmt::print("; nothing that is left depends on them\n");
        return;
      }
      fmt::print(";\n    it is part of {}\n", d->into);
      at = d->into;
    }
    if (at != node)
      fmt::print("  see: mpcc explain ... '{}'\n", at);
  }

  void section(const char *title, const std::vector<std::string> &lines) const {
    if (lines.empty())
      return;
    fmt::print("\n{}\n", title);
    const size_t shown =
        o_.lines ? std::min(o_.lines, lines.size()) : lines.size();
    for (size_t i = 0; i < shown; ++i)
      fmt::print("  {}\n", lines[i]);
    if (shown < lines.size())
      fmt::print("  ... {} more (--lines 0 shows all)\n", lines.size() - shown);
  }

  std::vector<std::string> planLines(const std::string &node) const {
    const plan::Plan &p = c_.emitted.plan;
    const std::string text = p.disassemble();
    llvm::SmallVector<llvm::StringRef, 0> all;
    llvm::StringRef(text).rtrim('\n').split(all, '\n');
    std::vector<std::string> lines;
    // The code is the last lines, one an instruction.
    const size_t first = all.size() - p.code.size();
    for (size_t i = 0; i < p.code.size(); ++i)
      if (p.locations[p.code[i].loc] == node)
        lines.push_back(all[first + i].rsplit("  ; '").first.str());
    return lines;
  }

  void values(const std::string &node) const {
    const std::vector<FixedValue> &all = h_.values(node);
    if (all.empty())
      return;
    fmt::print("\nbits\n  {:>4} {:>5} {:>4}  {:<24} {}\n", "ring", "frac",
               "int", "range", "value");
    const size_t shown = o_.lines ? std::min(o_.lines, all.size()) : all.size();
    for (size_t i = 0; i < shown; ++i) {
      const FixedValue &v = all[i];
      const std::string range =
          v.range
              ? fmt::format("[{:.4g}, {:.4g}]", v.range->first, v.range->second)
              : "";
      fmt::print("  {:>4} {:>5} {:>4}  {:<24} {} {}\n", v.type.ring,
                 v.type.frac, v.type.intBits, range, v.op,
                 ir::name(v.type.vis).str());
    }
    if (shown < all.size())
      fmt::print("  ... {} more\n", all.size() - shown);
  }

  void approximations(const std::string &node) const {
    bool first = true;
    for (const passes::Approximation &a : h_.approximations())
      if (a.loc == node) {
        fmt::print("{}  {}\n", first ? "\napproximation\n" : "",
                   approximationText(a));
        first = false;
      }
  }

  void cost(const std::string &node) const {
    auto it = costs_.nodes.find(node);
    if (it == costs_.nodes.end()) {
      fmt::print("\ncost: none, no instruction of the plan is this node's\n");
      return;
    }
    const auto &[c, t] = it->second;
    fmt::print("\ncost (profile {})\n", c_.options.profile.name);
    fmt::print("  online   {} in {} rounds, {} MACs: {} ({} waiting)\n",
               bytesText(c.p1ToP2 + c.p2ToP1), c.rounds,
               countText(c.onlineGemmMacs), secondsText(t.online),
               secondsText(t.rounds));
    fmt::print("  offline  {} from P0, {} MACs: {}\n",
               bytesText(c.p0ToP1 + c.p0ToP2), countText(c.offlineGemmMacs),
               secondsText(t.offline));
    const double all = costs_.time.online + costs_.time.offline;
    fmt::print("  {:.2f} % of the plan's seconds\n",
               all > 0 ? (t.online + t.offline) / all * 100 : 0.0);
  }

  const ExplainOptions &o_;
  const History &h_;
  const Compiled &c_;
  const NodeCosts costs_;
};

int explain(const ExplainOptions &o) {
  History history({o.nodes.begin(), o.nodes.end()});
  auto compiled = runPipeline(
      o.pipeline,
      [&](llvm::StringRef step, const ir::Module &m) {
        return history.step(step, m);
      },
      [&](const frontend::ImportResult &model) -> llvm::Error {
        if (llvm::Error e = history.imported(model))
          return e;
        for (const std::string &name : o.nodes)
          if (llvm::none_of(model.nodes,
                            [&](const auto &n) { return n.name == name; }))
            return error(fmt::format("{}: error: no node '{}'; the closest "
                                     "are:{}",
                                     o.pipeline.inputs.model, name,
                                     closest(name, model.nodes)));
        return llvm::Error::success();
      });
  if (!compiled)
    return fail(compiled.takeError());
  Explanation explanation(o, history, **compiled);
  for (size_t i = 0; i < o.nodes.size(); ++i) {
    if (i)
      fmt::print("\n");
    explanation.print(o.nodes[i]);
  }
  return 0;
}

} // namespace

Command addExplain(CLI::App &app) {
  auto o = std::make_shared<ExplainOptions>();
  CLI::App *c = app.add_subcommand(
      "explain", "what became of an ONNX node: its ops at each level, bits, "
                 "approximation, cost");
  o->pipeline.addTo(*c);
  c->add_option("node", o->nodes, "names of nodes, as mpcc cost prints them")
      ->required();
  c->add_option("--lines", o->lines, "most lines a section shows, 0: all")
      ->capture_default_str();
  c->footer("Takes the options of mpcc compile, since they decide the "
            "plan.\nexample:\n  mpcc explain bert.onnx "
            "/encoder/layer.0/attention/self/Softmax --calibrate samples/");
  return [o] { return explain(*o); };
}

} // namespace mpc::tools
