#include "frontend/InputBinding.h"
#include "frontend/Support.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"

namespace mpc::frontend {

using namespace mpcc_onnx;

namespace {

/// A dimension of the model: a size, or the name of a variable. Dimensions
/// without a name get one of their own, "input[axis]".
struct Dim {
  std::optional<int64_t> size;
  std::string variable;
};

struct Declared {
  InputInfo info;
  bool rankKnown = false;
  std::vector<Dim> dims;
};

/// A shape that somebody gave for an input.
struct Given {
  std::string label; ///< "--shape ids=1x128"
  std::string input;
  ir::Shape shape;
  bool optional; ///< samples may hold arrays of other names
};

class Binder {
public:
  Binder(const GraphProto &graph, const ImportOptions &options)
      : graph_(graph), options_(options) {}

  llvm::Error declare();
  llvm::Error give();
  llvm::Error solveSums();
  llvm::Error finish(Unbound unbound, std::vector<std::string> &notes);
  std::vector<InputInfo> take();

private:
  struct Size {
    int64_t size;
    std::string by;
  };
  llvm::Error set(const std::string &variable, int64_t size,
                  const std::string &by);
  llvm::Error apply(const Given &g);
  std::optional<int64_t> term(llvm::StringRef text) const;

  const GraphProto &graph_;
  const ImportOptions &options_;
  std::vector<Declared> inputs_;
  std::map<std::string, Size> sizes_;
};

} // namespace

llvm::Error Binder::declare() {
  llvm::StringSet<> initializers;
  for (const auto &t : graph_.initializer())
    initializers.insert(t.name());
  for (const auto &v : graph_.input()) {
    // Old exporters list initializers as inputs.
    if (initializers.contains(v.name()))
      continue;
    if (!v.type().has_tensor_type())
      return makeError("input '" + v.name() + "' is not a dense tensor");
    const auto &t = v.type().tensor_type();
    auto elem = elemOf(t.elem_type());
    if (!elem)
      return makeError("input '" + v.name() + "' has element type " +
                       onnxTypeName(t.elem_type()) +
                       ", which is not supported");
    Declared d;
    d.info.name = v.name();
    d.info.onnxElemType = t.elem_type();
    d.info.elem = *elem;
    d.info.bound = options_.bound.count(v.name());
    d.info.isPublic = options_.publicInputs.count(v.name());
    d.rankKnown = t.has_shape();
    for (const auto &dim : t.shape().dim()) {
      Dim out;
      if (dim.has_dim_value() && dim.dim_value() >= 0)
        out.size = dim.dim_value();
      else if (!dim.dim_param().empty())
        out.variable = dim.dim_param();
      else
        out.variable = v.name() + "[" + std::to_string(d.dims.size()) + "]";
      d.dims.push_back(std::move(out));
    }
    inputs_.push_back(std::move(d));
  }
  return llvm::Error::success();
}

llvm::Error Binder::set(const std::string &variable, int64_t size,
                        const std::string &by) {
  auto [it, fresh] = sizes_.try_emplace(variable, Size{size, by});
  if (fresh || it->second.size == size)
    return llvm::Error::success();
  return makeError("dimension '" + variable + "' is " +
                   llvm::Twine(it->second.size) + " by " + it->second.by +
                   " but " + llvm::Twine(size) + " by " + by);
}

llvm::Error Binder::apply(const Given &g) {
  auto it = llvm::find_if(
      inputs_, [&](const Declared &d) { return d.info.name == g.input; });
  if (it == inputs_.end()) {
    if (g.optional)
      return llvm::Error::success();
    std::vector<std::string> names;
    for (const Declared &d : inputs_)
      names.push_back(d.info.name);
    return makeError(g.label + ": the model has no input '" + g.input +
                     "'; its inputs are " + llvm::join(names, ", "));
  }
  if (!it->rankKnown) {
    it->rankKnown = true;
    for (size_t i = 0; i < g.shape.size(); ++i)
      it->dims.push_back({{}, g.input + "[" + std::to_string(i) + "]"});
  }
  if (g.shape.size() != it->dims.size())
    return makeError(g.label + ": the model's '" + g.input + "' has rank " +
                     llvm::Twine(it->dims.size()));
  for (size_t i = 0; i < g.shape.size(); ++i) {
    const Dim &d = it->dims[i];
    if (g.shape[i] < 0)
      return makeError(g.label + ": a size is negative");
    if (!d.size) {
      if (auto e = set(d.variable, g.shape[i], g.label))
        return e;
    } else if (*d.size != g.shape[i]) {
      return makeError(g.label + ": dimension " + llvm::Twine(i) + " of '" +
                       g.input + "' is " + llvm::Twine(*d.size) +
                       " in the model");
    }
  }
  return llvm::Error::success();
}

llvm::Error Binder::give() {
  std::vector<Given> all;
  for (const auto &[name, shape] : options_.shapes)
    all.push_back(
        {"--shape " + name + "=" + shapeStr(shape), name, shape, false});
  auto array = [&](const char *what, const auto &entry, bool optional) {
    ir::Shape s(entry.second.shape.begin(), entry.second.shape.end());
    all.push_back({what + entry.first + " (" + shapeStr(s) + ")", entry.first,
                   s, optional});
  };
  for (const auto &b : options_.bound)
    array("--bind ", b, false);
  for (const auto &sample : options_.samples)
    for (const auto &a : sample)
      array("sample ", a, true);
  for (const Given &g : all)
    if (auto e = apply(g))
      return e;
  return llvm::Error::success();
}

std::optional<int64_t> Binder::term(llvm::StringRef text) const {
  int64_t n;
  if (!text.getAsInteger(10, n))
    return n;
  auto it = sizes_.find(text.str());
  return it == sizes_.end() ? std::nullopt : std::optional(it->second.size);
}

/// Exporters name derived dimensions by their formula, such as
/// "past_sequence_length + sequence_length". A sum whose terms are known is
/// known, and so is the one term that is missing from a known sum.
llvm::Error Binder::solveSums() {
  for (bool changed = true; changed;) {
    changed = false;
    for (const Declared &d : inputs_)
      for (const Dim &dim : d.dims) {
        llvm::SmallVector<llvm::StringRef> terms;
        llvm::StringRef(dim.variable).split(terms, " + ");
        if (terms.size() < 2)
          continue;
        int64_t sum = 0;
        llvm::StringRef missing;
        size_t nMissing = 0;
        for (llvm::StringRef t : terms) {
          auto v = term(t.trim());
          sum += v.value_or(0);
          if (!v) {
            missing = t.trim();
            ++nMissing;
          }
        }
        auto total = term(dim.variable);
        const std::string by = "'" + dim.variable + "'";
        if (nMissing == 0) {
          changed |= !total;
          if (auto e = set(dim.variable, sum, "its terms"))
            return e;
        } else if (nMissing == 1 && total && *total >= sum) {
          changed = true;
          if (auto e = set(missing.str(), *total - sum, by))
            return e;
        }
      }
  }
  return llvm::Error::success();
}

llvm::Error Binder::finish(Unbound unbound, std::vector<std::string> &notes) {
  std::map<std::string, std::vector<std::string>> missing;
  for (Declared &d : inputs_) {
    if (!d.rankKnown)
      return makeError("input '" + d.info.name +
                       "' has no shape in the model; give --shape " +
                       d.info.name + "=AxB");
    for (size_t i = 0; i < d.dims.size(); ++i) {
      const Dim &dim = d.dims[i];
      if (dim.size || sizes_.count(dim.variable))
        continue;
      if (unbound == Unbound::StandIn) {
        const int64_t size = i == 0 ? 1 : 8;
        sizes_[dim.variable] = {size, "a stand-in"};
        notes.push_back("dimension '" + dim.variable +
                        "' is not bound; checked with size " +
                        std::to_string(size));
        if (auto e = solveSums())
          return e;
      } else {
        missing[dim.variable].push_back(d.info.name);
      }
    }
  }
  if (missing.empty())
    return llvm::Error::success();
  std::vector<std::string> items;
  for (const auto &[variable, inputs] : missing)
    items.push_back("'" + variable + "' (" + llvm::join(inputs, ", ") + ")");
  return makeError("dimensions without a size: " + llvm::join(items, ", ") +
                   "; bind them with --shape NAME=AxB or a sample");
}

std::vector<InputInfo> Binder::take() {
  std::vector<InputInfo> out;
  for (Declared &d : inputs_) {
    for (const Dim &dim : d.dims)
      d.info.shape.push_back(dim.size ? *dim.size
                                      : sizes_.at(dim.variable).size);
    out.push_back(std::move(d.info));
  }
  return out;
}

llvm::Expected<std::vector<InputInfo>>
bindInputs(const GraphProto &graph, const ImportOptions &options,
           Unbound unbound, std::vector<std::string> &notes) {
  Binder b(graph, options);
  if (auto e = b.declare())
    return e;
  if (auto e = b.give())
    return e;
  if (auto e = b.solveSums())
    return e;
  if (auto e = b.finish(unbound, notes))
    return e;
  auto inputs = b.take();
  for (const InputInfo &i : inputs)
    if (!usableShape(i.shape))
      return makeError("input '" + i.name + "' would have shape " +
                       shapeStr(i.shape));
  return inputs;
}

} // namespace mpc::frontend
