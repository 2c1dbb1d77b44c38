//===- frontend/Annotate.cpp ----------------------------------------------===//
#include "frontend/Annotate.h"

#include "frontend/ModelFile.h"
#include "frontend/Support.h"
#include "llvm/ADT/StringSet.h"

using namespace mpcc_onnx;

namespace mpc::frontend {
namespace {

/// Shapes, indices and masks of at most this many elements stay. (Narrow
/// integers may be weights of a quantized model.)
constexpr int64_t kMostElements = 4096;

bool isFloat(int32_t type) {
  return type == TensorProto::FLOAT || type == TensorProto::FLOAT16 ||
         type == TensorProto::DOUBLE || type == TensorProto::BFLOAT16;
}

int64_t elementsOf(const TensorProto &t) {
  int64_t n = 1;
  for (int64_t d : t.dims())
    n = d > kMostElements ? kMostElements + 1
                          : std::min(n * d, kMostElements + 1);
  return n;
}

void setShape(TypeProto::Tensor &type, llvm::ArrayRef<int64_t> shape) {
  type.clear_shape();
  auto *dims = type.mutable_shape();
  for (int64_t d : shape)
    dims->add_dim()->set_dim_value(d);
}

/// Initializers that hold weights, or much, become inputs.
void removeWeights(GraphProto &g) {
  llvm::StringSet<> inputs;
  for (const ValueInfoProto &i : g.input())
    inputs.insert(i.name());
  google::protobuf::RepeatedPtrField<TensorProto> kept;
  for (TensorProto &t : *g.mutable_initializer()) {
    const bool structure = t.data_type() == TensorProto::INT64 ||
                           t.data_type() == TensorProto::BOOL;
    if (structure && elementsOf(t) <= kMostElements &&
        t.data_location() != TensorProto::EXTERNAL) {
      kept.Add()->Swap(&t);
      continue;
    }
    if (!inputs.insert(t.name()).second)
      continue; // old models list initializers among the inputs
    ValueInfoProto *i = g.add_input();
    i->set_name(t.name());
    i->set_doc_string("an initializer; its values are not in this copy");
    TypeProto::Tensor *type = i->mutable_type()->mutable_tensor_type();
    type->set_elem_type(t.data_type());
    setShape(*type, {t.dims().data(), static_cast<size_t>(t.dims_size())});
  }
  g.mutable_initializer()->Swap(&kept);
  for (const SparseTensorProto &s : g.sparse_initializer()) {
    ValueInfoProto *i = g.add_input();
    i->set_name(s.values().name());
    TypeProto::Tensor *type = i->mutable_type()->mutable_tensor_type();
    type->set_elem_type(s.values().data_type());
    setShape(*type, {s.dims().data(), static_cast<size_t>(s.dims_size())});
  }
  g.clear_sparse_initializer();
}

std::string textOf(const Notes &notes) {
  std::string text;
  for (const auto &[key, value] : notes)
    text += key + ": " + value + "\n";
  return text;
}

void addNodeNotes(GraphProto &g, const Annotations &a) {
  for (int i = 0; i < g.node_size(); ++i) {
    NodeProto &n = *g.mutable_node(i);
    const std::string name = locationOf(n.name(), n.op_type(), i);
    auto it = a.nodes.find(name);
    if (it == a.nodes.end())
      continue;
    std::string doc = textOf(it->second);
    if (!n.doc_string().empty())
      doc += "\n" + n.doc_string();
    n.set_doc_string(doc);
    for (const auto &[key, value] : it->second) {
      StringStringEntryProto *e = n.add_metadata_props();
      e->set_key("mpcc." + key);
      e->set_value(value);
    }
  }
}

/// Shapes where the model's floats are all float32, so that the type is known.
void addShapes(GraphProto &g, const Annotations &a) {
  auto other = [](int32_t type) {
    return isFloat(type) && type != TensorProto::FLOAT;
  };
  for (const ValueInfoProto &i : g.input())
    if (other(i.type().tensor_type().elem_type()))
      return;
  for (const NodeProto &n : g.node())
    if (n.op_type() == "Cast" || n.op_type() == "CastLike")
      for (const AttributeProto &at : n.attribute())
        if (at.name() == "to" && other(static_cast<int32_t>(at.i())))
          return;
  llvm::StringSet<> known;
  for (ValueInfoProto &v : *g.mutable_value_info()) {
    known.insert(v.name());
    if (auto it = a.shapes.find(v.name());
        it != a.shapes.end() && v.type().has_tensor_type())
      setShape(*v.mutable_type()->mutable_tensor_type(), it->second);
  }
  for (const auto *list : {&g.input(), &g.output()})
    for (const ValueInfoProto &v : *list)
      known.insert(v.name());
  llvm::StringSet<> computed;
  for (const NodeProto &n : g.node())
    for (const std::string &o : n.output())
      computed.insert(o);
  for (const auto &[name, shape] : a.shapes) {
    if (known.contains(name) || !computed.contains(name))
      continue;
    ValueInfoProto *v = g.add_value_info();
    v->set_name(name);
    TypeProto::Tensor *type = v->mutable_type()->mutable_tensor_type();
    type->set_elem_type(TensorProto::FLOAT);
    setShape(*type, shape);
  }
}

} // namespace

llvm::Error annotateOnnx(llvm::StringRef model, const Annotations &notes,
                         const std::string &output) {
  auto file = ModelFile::open(model);
  if (!file)
    return file.takeError();
  ModelProto &m = file->proto();
  GraphProto &g = *m.mutable_graph();
  addNodeNotes(g, notes);
  addShapes(g, notes);
  removeWeights(g);
  std::string doc = textOf(notes.model);
  if (!m.doc_string().empty())
    doc += "\n" + m.doc_string();
  m.set_doc_string(doc);
  for (const auto &[key, value] : notes.model) {
    StringStringEntryProto *e = m.add_metadata_props();
    e->set_key("mpcc." + key);
    e->set_value(value);
  }
  std::string bytes;
  if (!m.SerializeToString(&bytes))
    return makeError(model + ": error: the annotated model is too large");
  Status s = core::writeText(output, bytes);
  return s ? llvm::Error::success() : makeError(s.error().message);
}

} // namespace mpc::frontend
