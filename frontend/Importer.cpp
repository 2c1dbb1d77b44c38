//===- frontend/Importer.cpp - nodes, functions, branches -----------------===//
#include "frontend/Importer.h"
#include "frontend/InputBinding.h"
#include "frontend/InputRanges.h"
#include "ir/Verifier.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/Path.h"

namespace mpc::frontend {

using namespace mpcc_onnx;

constexpr llvm::StringLiteral kMicrosoft = "com.microsoft";
constexpr unsigned kMaxDepth = 64;            ///< of functions and branches
constexpr size_t kMaxNodes = size_t{1} << 22; ///< after inlining

Importer::Importer(ModelFile file, const ImportOptions &options, Mode mode)
    : file_(std::move(file)), options_(options), mode_(mode),
      module_(llvm::sys::path::stem(file_.path()).str(), ir::Level::Tensor) {}

static bool isDefaultDomain(llvm::StringRef d) {
  return d.empty() || d == "ai.onnx";
}

static std::optional<int64_t>
opsetOf(const google::protobuf::RepeatedPtrField<OperatorSetIdProto> &ids,
        llvm::StringRef domain) {
  for (const auto &id : ids)
    if (id.domain() == domain ||
        (isDefaultDomain(id.domain()) && isDefaultDomain(domain)))
      return id.version();
  return std::nullopt;
}

llvm::Error Importer::checkOpsets() {
  auto v = opsetOf(file_.proto().opset_import(), "");
  if (!v)
    return makeError("the model imports no version of the default operator "
                     "set");
  if (*v < kOldestOpset || *v > kNewestOpset)
    return makeError("the model uses opset " + llvm::Twine(*v) + "; " +
                     llvm::Twine(kOldestOpset) + " to " +
                     llvm::Twine(kNewestOpset) + " are supported");
  return llvm::Error::success();
}

llvm::Error Importer::run() {
  if (auto e = checkOpsets())
    return e;
  auto inputs = bindInputs(
      file_.proto().graph(), options_,
      mode_ == Mode::Check ? Unbound::StandIn : Unbound::Refuse, notes_);
  if (!inputs)
    return inputs.takeError();
  inputs_ = std::move(*inputs);
  for (const std::string &name : options_.publicInputs) {
    if (llvm::none_of(inputs_,
                      [&](const InputInfo &i) { return i.name == name; }))
      return makeError("--public " + name +
                       ": the model has no input of that name");
    if (options_.bound.count(name))
      return makeError("--public " + name + ": the input is bound too");
  }
  GraphProto &g = *file_.proto().mutable_graph();
  Scope scope;
  if (auto e = addInitializers(g, scope))
    return e;
  for (const std::string &name : options_.publicConsts)
    if (!scope.initializers.contains(name))
      return makeError("--public-const " + name +
                       ": the model has no initializer of that name");
  if (auto e = addInputs(scope))
    return e;
  Frame frame{scope, "", file_.proto().opset_import(), nullptr, 0};
  importNodes(*g.mutable_node(), frame);
  if (!problems_.empty())
    return llvm::Error::success();
  if (auto e = addOutputs(frame))
    return e;
  module_.removeDead();
  deriveInputRanges(module_, inputs_, options_.samples);
  if (mode_ == Mode::Check)
    return llvm::Error::success(); // weights without values do not verify
  return ir::verify(module_);
}

void Importer::importNodes(Nodes &nodes, Frame &frame) {
  Frame *outer = std::exchange(frame_, &frame);
  for (int i = 0; i < nodes.size(); ++i) {
    NodeProto &node = nodes[i];
    ++nodes_;
    Problem at;
    at.node = i;
    at.name = node.name();
    at.opType = isDefaultDomain(node.domain())
                    ? node.op_type()
                    : node.domain() + "." + node.op_type();
    // Its only version is 1, whatever a model says.
    at.opset = node.domain() == kMicrosoft
                   ? 1
                   : opsetOf(frame.opsets, node.domain()).value_or(0);
    std::string loc = frame.locPrefix;
    loc += locationOf(node.name(), node.op_type(), i);
    if (!frame.locPrefix.empty())
      at.name = loc;
    nodeTypes_[loc] = at.opType;
    const size_t before = problems_.size();
    if (nodes_ > kMaxNodes) {
      at.reason = "the model has too many nodes once functions are inlined";
      problems_.push_back(at);
      break;
    }
    importNode(node, at, frame, loc);
    if (problems_.size() > before)
      poison(node, frame.scope);
    GraphNode &g = graph_.emplace_back(GraphNode{loc, at.opType, {}});
    for (const std::string &name : node.output())
      if (auto it = frame.scope.values.find(name);
          it != frame.scope.values.end() && it->second.valid())
        g.outputs.emplace_back(name, it->second);
  }
  frame_ = outer;
}

void Importer::poison(const NodeProto &node, Scope &scope) {
  for (const std::string &name : node.output())
    if (!name.empty())
      scope.values.try_emplace(name);
}

void Importer::define(const NodeProto &node, llvm::ArrayRef<ValueId> outputs,
                      const Problem &at, Scope &scope) {
  for (int i = 0; i < node.output_size(); ++i) {
    const std::string &name = node.output(i);
    if (name.empty())
      continue;
    if (scope.values.contains(name) || scope.initializers.contains(name)) {
      Problem p = at;
      p.reason = "output '" + name + "' is defined twice";
      problems_.push_back(std::move(p));
    } else if (outputs[i].valid()) {
      scope.values[name] = outputs[i];
    } else {
      scope.missing[name] = "output " + std::to_string(i) + " of " + at.opType +
                            ", which is not supported";
    }
  }
}

NodeReader::Attributes Importer::resolve(NodeProto &node, Frame &frame) {
  NodeReader::Attributes out;
  for (AttributeProto &a : *node.mutable_attribute()) {
    if (a.ref_attr_name().empty()) {
      out.push_back(&a);
      continue;
    }
    if (!frame.attributes)
      continue;
    // A reference to an attribute of the call; absent there, absent here.
    auto it = frame.attributes->find(a.ref_attr_name());
    if (it == frame.attributes->end())
      continue;
    substituted_.push_back(*it->second);
    substituted_.back().set_name(a.name());
    out.push_back(&substituted_.back());
  }
  return out;
}

static const OpRow *findRow(llvm::StringRef type, int64_t opset,
                            std::string &why) {
  std::string ranges;
  for (const OpRow &r : opRows()) {
    if (r.type != type)
      continue;
    if (opset >= r.minOpset && opset <= r.maxOpset)
      return &r;
    ranges += (ranges.empty() ? "" : ", ") + std::to_string(r.minOpset) +
              " to " + std::to_string(r.maxOpset);
  }
  why = ranges.empty() ? "the operator is not supported"
                       : "the operator is supported in opsets " + ranges;
  return nullptr;
}

void Importer::importNode(NodeProto &node, Problem at, Frame &frame,
                          const std::string &loc) {
  auto problem = [&](const llvm::Twine &reason) {
    at.reason = reason.str();
    problems_.push_back(at);
  };
  std::vector<ValueId> inputs;
  bool poisoned = false;
  for (const std::string &name : node.input()) {
    inputs.emplace_back();
    if (name.empty())
      continue;
    std::string why;
    auto v = lookup(frame.scope, name, why);
    if (!v)
      return problem("input '" + name + "' " + why);
    inputs.back() = *v;
    poisoned |= !v->valid();
  }
  while (!inputs.empty() && !poisoned && !inputs.back().valid())
    inputs.pop_back(); // omitted at the end
  for (FunctionProto &f : *file_.proto().mutable_functions())
    if (f.name() == node.op_type() && f.domain() == node.domain() &&
        f.overload() == node.overload())
      return importCall(node, f, at, frame, loc, inputs);
  if (!isDefaultDomain(node.domain()) && node.domain() != kMicrosoft)
    return problem("operators of domain '" + node.domain() +
                   "' are not supported");
  std::string why;
  const OpRow *row = findRow(at.opType, at.opset, why);
  if (!row)
    return problem(why);
  std::vector<bool> used;
  for (const std::string &name : node.output())
    used.push_back(!name.empty());
  NodeReader n(module_, loc, *this, *row, at.opset, std::move(inputs),
               resolve(node, frame), node.output_size(), std::move(used));
  n.checkAttributes();
  if (!poisoned) {
    n.checkInputs();
    const size_t before = problems_.size();
    if (!n.failed())
      row->handler(n);
    if (problems_.size() > before)
      return; // of a branch; the caller poisons the outputs
  }
  if (n.failed())
    return problem(n.failure());
  if (poisoned)
    return poison(node, frame.scope);
  define(node, n.outputs(), at, frame.scope);
}

void Importer::importCall(NodeProto &node, FunctionProto &f, const Problem &at,
                          Frame &frame, const std::string &loc,
                          llvm::ArrayRef<ValueId> inputs) {
  Problem p = at;
  if (frame.depth >= kMaxDepth) {
    p.reason = "functions call each other more than " +
               std::to_string(kMaxDepth) + " deep";
    problems_.push_back(std::move(p));
    return;
  }
  llvm::StringMap<const AttributeProto *> attributes;
  for (const AttributeProto &a : f.attribute_proto())
    attributes[a.name()] = &a;
  for (const AttributeProto *a : resolve(node, frame))
    attributes[a->name()] = a;
  Scope scope;
  for (int i = 0; i < f.input_size(); ++i)
    if (static_cast<size_t>(i) < inputs.size())
      scope.values[f.input(i)] = inputs[i];
  Frame inner{scope, loc + "/", f.opset_import(), &attributes, frame.depth + 1};
  importNodes(*f.mutable_node(), inner);
  std::vector<ValueId> outputs;
  for (int i = 0; i < node.output_size(); ++i) {
    std::string why = "is not an output of the function";
    auto v =
        i < f.output_size() ? lookup(scope, f.output(i), why) : std::nullopt;
    if (!v) {
      p.reason = "output " + std::to_string(i) + " " + why;
      problems_.push_back(p);
      return;
    }
    outputs.push_back(*v);
  }
  if (!llvm::all_of(outputs, [](ValueId v) { return v.valid(); }))
    return poison(node, frame.scope);
  define(node, outputs, at, frame.scope);
}

llvm::Expected<std::vector<ValueId>> Importer::inlineGraph(GraphProto &g) {
  Frame &outer = *frame_;
  if (outer.depth >= kMaxDepth)
    return makeError("branches nest more than " + llvm::Twine(kMaxDepth) +
                     " deep");
  Scope scope;
  scope.outer = &outer.scope;
  if (auto e = addInitializers(g, scope))
    return e;
  Frame frame{scope, outer.locPrefix, outer.opsets, outer.attributes,
              outer.depth + 1};
  importNodes(*g.mutable_node(), frame);
  std::vector<ValueId> out;
  for (const auto &o : g.output()) {
    std::string why;
    auto v = lookup(scope, o.name(), why);
    if (!v)
      return makeError("the branch's output '" + o.name() + "' " + why);
    out.push_back(*v);
  }
  return out;
}

llvm::Expected<ConstData> Importer::read(TensorProto &t) {
  return file_.read(t, false);
}

void Importer::note(std::string text) {
  if (!llvm::is_contained(notes_, text))
    notes_.push_back(std::move(text));
}

} // namespace mpc::frontend
