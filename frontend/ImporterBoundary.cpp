//===- frontend/ImporterBoundary.cpp - inputs, initializers, outputs ------===//
#include "frontend/Importer.h"
#include "llvm/ADT/STLExtras.h"

namespace mpc::frontend {

using namespace mpcc_onnx;

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

} // namespace mpc::frontend
