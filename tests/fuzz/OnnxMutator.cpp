//===- tests/fuzz/OnnxMutator.cpp - models that are still models ----------===//
//
// Bytes changed at random rarely are protobuf. Every second mutation changes
// a number, a wire or a shape of the parsed model instead, so that operator
// handlers see values nobody would export. Deterministic in `seed`.
//
//===----------------------------------------------------------------------===//
#include "frontend/onnx.pb.h"

#include <climits>
#include <cmath>
#include <random>

using namespace mpcc_onnx;

extern "C" size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t maxSize);

namespace {

class Mutator {
public:
  explicit Mutator(unsigned seed) : rng_(seed) {}

  void mutate(GraphProto &g) {
    switch (below(6)) {
    case 0:
      return shape(g);
    case 1:
      return initializer(g);
    case 2:
      return wire(g);
    case 3:
      return bind(g);
    default:
      return attribute(g);
    }
  }

private:
  int below(int n) { return static_cast<int>(rng_() % unsigned(n)); }
  /// Any element of a repeated field, or null.
  template <class F> auto pick(F *field) {
    return field->empty() ? nullptr : field->Mutable(below(field->size()));
  }

  int64_t integer() {
    static constexpr int64_t kEdges[] = {0,
                                         1,
                                         -1,
                                         2,
                                         -2,
                                         3,
                                         4,
                                         7,
                                         8,
                                         63,
                                         64,
                                         65,
                                         1 << 16,
                                         1 << 24,
                                         INT_MAX,
                                         INT_MIN,
                                         INT64_MAX,
                                         INT64_MIN,
                                         -3,
                                         1 << 30,
                                         1L << 32,
                                         1L << 62,
                                         INT64_MAX - 1,
                                         INT64_MIN + 1};
    return below(4) ? kEdges[below(std::size(kEdges))]
                    : static_cast<int64_t>(rng_());
  }
  float real() {
    static constexpr float kEdges[] = {0,     1,      -1,   0.5f,     1e-38f,
                                       1e38f, -1e38f, 1e9f, INFINITY, NAN};
    return kEdges[below(std::size(kEdges))];
  }
  template <class F> void integers(F *list) {
    int which = below(4);
    if (which == 0 || list->empty())
      list->Add(integer());
    else if (which == 1)
      list->RemoveLast();
    else
      list->Set(below(list->size()), integer());
  }

  void attribute(GraphProto &g) {
    NodeProto *n = pick(g.mutable_node());
    AttributeProto *a = n ? pick(n->mutable_attribute()) : nullptr;
    if (!a)
      return wire(g);
    if (below(8) == 0)
      return (void)n->mutable_attribute()->RemoveLast();
    if (a->has_i())
      a->set_i(integer());
    else if (a->has_f())
      a->set_f(real());
    else if (a->has_t())
      tensor(*a->mutable_t());
    else if (a->has_g())
      mutate(*a->mutable_g());
    else if (a->floats_size())
      a->set_floats(below(a->floats_size()), real());
    else
      integers(a->mutable_ints());
  }
  void tensor(TensorProto &t) {
    if (below(3) == 0)
      return integers(t.mutable_dims());
    if (std::string &raw = *t.mutable_raw_data(); !raw.empty()) {
      int64_t v = integer();
      size_t at = rng_() % raw.size() & ~size_t{7};
      raw.replace(at, std::min<size_t>(8, raw.size() - at),
                  reinterpret_cast<const char *>(&v),
                  std::min<size_t>(8, raw.size() - at));
      return;
    }
    t.clear_raw_data();
    integers(t.mutable_int64_data());
  }
  void initializer(GraphProto &g) {
    if (TensorProto *t = pick(g.mutable_initializer()))
      return tensor(*t);
    bind(g);
  }
  void shape(GraphProto &g) {
    ValueInfoProto *v = pick(g.mutable_input());
    if (!v)
      return;
    auto *dims = v->mutable_type()
                     ->mutable_tensor_type()
                     ->mutable_shape()
                     ->mutable_dim();
    int which = below(4);
    if (which == 0 || dims->empty())
      dims->Add()->set_dim_value(below(5));
    else if (which == 1)
      dims->RemoveLast();
    else
      pick(dims)->set_dim_value(below(3) ? below(9) : integer());
  }
  /// A node reads another value, or one more, or one less.
  void wire(GraphProto &g) {
    NodeProto *n = pick(g.mutable_node());
    ValueInfoProto *v = pick(g.mutable_input());
    if (!n || !v)
      return;
    int which = below(4);
    if (which == 0 || n->input().empty())
      n->add_input(v->name());
    else if (which == 1)
      n->mutable_input()->RemoveLast();
    else
      *pick(n->mutable_input()) = v->name();
  }
  /// An input becomes a known integer tensor of its own shape.
  void bind(GraphProto &g) {
    ValueInfoProto *v = pick(g.mutable_input());
    if (!v)
      return;
    TensorProto t;
    t.set_name(v->name());
    t.set_data_type(v->type().tensor_type().elem_type());
    int64_t n = 1;
    for (const auto &d : v->type().tensor_type().shape().dim()) {
      if (d.dim_value() < 0 || d.dim_value() > 64 || n > 64)
        return;
      t.add_dims(d.dim_value());
      n *= d.dim_value();
    }
    for (int64_t i = 0; i < n; ++i)
      if (t.data_type() == TensorProto::FLOAT)
        t.add_float_data(below(3) ? float(below(5)) : real());
      else if (t.data_type() == TensorProto::INT64)
        t.add_int64_data(below(3) ? below(5) : integer());
      else
        t.add_int32_data(below(5));
    *g.add_initializer() = std::move(t);
  }

  std::mt19937_64 rng_;
};

} // namespace

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size,
                                          size_t maxSize, unsigned seed) {
  ModelProto m;
  if (seed % 2 || !m.ParsePartialFromArray(data, static_cast<int>(size)) ||
      !m.has_graph())
    return LLVMFuzzerMutate(data, size, maxSize);
  Mutator mutator(seed / 2);
  mutator.mutate(*m.mutable_graph());
  std::string out = m.SerializePartialAsString();
  if (out.size() > maxSize)
    return LLVMFuzzerMutate(data, size, maxSize);
  std::copy(out.begin(), out.end(), data);
  return out.size();
}
