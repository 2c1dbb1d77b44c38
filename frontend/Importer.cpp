#include "frontend/Importer.h"
#include "frontend/InputBinding.h"
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
  deriveRanges();
  if (mode_ == Mode::Check)
    return llvm::Error::success(); // weights without values do not verify
  return ir::verify(module_);
}

llvm::Error Importer::addInitializers(GraphProto &g, Scope &scope) {
  if (g.sparse_initializer_size())
    return makeError("sparse initializers are not supported");
  for (auto &t : *g.mutable_initializer())
    if (!scope.initializers.try_emplace(t.name(), &t).second)
      return makeError("initializer '" + t.name() + "' is defined twice");
  // Integers that stand for real weights are as secret as those.
  for (const NodeProto &n : g.node()) {
    const bool products =
        n.op_type() == "MatMulInteger" || n.op_type() == "ConvInteger";
    for (int i = 0; i < n.input_size() && i < 2; ++i)
      if (products || (n.op_type() == "DequantizeLinear" && i == 0))
        quantized_.insert(n.input(i));
  }
  return llvm::Error::success();
}

llvm::Error Importer::addInputs(Scope &scope) {
  for (InputInfo &info : inputs_) {
    ValueId v;
    if (info.bound) {
      auto d = fromNpy(options_.bound.at(info.name), info.elem);
      if (!d)
        return makeError("--bind " + info.name + ": " +
                         llvm::toString(d.takeError()));
      v = module_.constant(std::move(*d), ir::Vis::Public);
    } else {
      v = module_.append(
          Opcode::Input, {},
          ir::Type::tensor(info.elem,
                           info.isPublic ? ir::Vis::Public : ir::Vis::Secret,
                           info.shape));
      module_.op(v).setAttr("name", info.name);
      info.value = v;
    }
    if (!scope.values.try_emplace(info.name, v).second)
      return makeError("input '" + info.name + "' is defined twice");
  }
  return llvm::Error::success();
}

/// The owner's policy as nodes behind the model's output: the values themselves
/// are opened to nobody.
llvm::Expected<ValueId> Importer::reveal(const std::string &output,
                                         const std::string &as, Frame &frame) {
  const bool top = options_.reveal == ImportOptions::Reveal::TopK;
  NodeProto &node = *file_.proto().mutable_graph()->add_node();
  node.set_name("reveal " + output);
  node.set_op_type(top ? "TopK" : "ArgMax");
  node.add_input(output);
  const auto set = [&](const char *name, int64_t value) {
    AttributeProto &a = *node.add_attribute();
    a.set_name(name);
    a.set_type(AttributeProto::INT);
    a.set_i(value);
  };
  set("axis", -1);
  if (top) {
    set("k", options_.revealCount);
    node.add_output(as + " values"); // read by nobody
  } else {
    set("keepdims", 0);
  }
  node.add_output(as);
  Problem at;
  at.name = node.name();
  at.opType = node.op_type();
  at.opset = 9; // both with attributes only, whatever the model's opset is
  importNode(node, at, frame, node.name());
  std::string why;
  const auto v = lookup(frame.scope, as, why);
  if (!problems_.empty() || !v || !v->valid())
    return makeError("--reveal: output '" + output + "': " +
                     (problems_.empty() ? why : problems_.back().reason));
  return *v;
}

llvm::Error Importer::addOutputs(Frame &frame) {
  const GraphProto &g = file_.proto().graph();
  if (g.output_size() == 0)
    return makeError("the graph has no outputs");
  for (const auto &o : g.output()) {
    std::string why, name = o.name();
    auto v = lookup(frame.scope, name, why);
    if (!v)
      return makeError("output '" + name + "' " + why);
    if (options_.reveal != ImportOptions::Reveal::Logits &&
        module_.type(*v).elem == Elem::F32 && !module_.type(*v).shape.empty()) {
      name +=
          options_.reveal == ImportOptions::Reveal::TopK ? ".topk" : ".argmax";
      auto index = reveal(o.name(), name, frame);
      if (!index)
        return index.takeError();
      v = *index;
    }
    module_.outputs().push_back({name, *v, module_.type(*v).elem});
  }
  return llvm::Error::success();
}

llvm::Expected<ValueId> Importer::addInitializer(TensorProto &t) {
  auto header = tensorHeader(t);
  if (!header)
    return header.takeError();
  const bool weight =
      (header->elem == Elem::F32 || quantized_.contains(t.name())) &&
      !options_.weightsPublic && !options_.publicConsts.count(t.name());
  ValueId v;
  if (weight && mode_ == Mode::Check) {
    // Nothing evaluates a weight, so its values need not be there.
    v = module_.append(
        Opcode::Constant, {},
        ir::Type::tensor(header->elem, ir::Vis::Weight, header->shape));
  } else {
    auto data = file_.read(t, true);
    if (!data)
      return data.takeError();
    v = module_.constant(std::move(*data),
                         weight ? ir::Vis::Weight : ir::Vis::Public);
  }
  module_.op(v).setAttr("name", t.name());
  return v;
}

std::optional<ValueId> Importer::lookup(Scope &scope, llvm::StringRef name,
                                        std::string &why) {
  for (Scope *s = &scope; s; s = s->outer) {
    if (auto it = s->values.find(name); it != s->values.end())
      return it->second;
    if (auto it = s->initializers.find(name); it != s->initializers.end()) {
      auto v = addInitializer(*it->second);
      if (!v) {
        why = "is an initializer that cannot be read: " +
              llvm::toString(v.takeError());
        return std::nullopt;
      }
      s->values[name] = *v;
      return *v;
    }
    if (auto it = s->missing.find(name); it != s->missing.end()) {
      why = "is " + it->second;
      return std::nullopt;
    }
  }
  why = "is not defined by the graph's inputs, its initializers or an "
        "earlier node";
  return std::nullopt;
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

/// Whether a calibration sample counts this input's indices from the end.
bool Importer::hasNegative(const InputInfo &i) const {
  for (const NamedArrays &sample : options_.samples) {
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

/// An integer input that only data movement separates from the index of a
/// gather takes values in [0, rows - 1].
void Importer::deriveRanges() {
  const ir::Module &m = module_;
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
  for (InputInfo &i : inputs_) {
    if (i.bound)
      continue;
    if (i.elem == Elem::Bool)
      i.range = {0, 1};
    else if (i.elem == Elem::I64 && rows[i.value.index].value_or(0) > 0) {
      const double n = static_cast<double>(*rows[i.value.index]);
      i.range = {hasNegative(i) ? -n : 0, n - 1};
    }
    if (i.range) {
      module_.op(i.value).setAttr("lo", i.range->first);
      module_.op(i.value).setAttr("hi", i.range->second);
    }
  }
}

} // namespace mpc::frontend
