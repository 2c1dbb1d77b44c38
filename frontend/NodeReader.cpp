#include "frontend/NodeReader.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"

namespace mpc::frontend {

using mpcc_onnx::AttributeProto;

/// The letters of the table's attribute column.
static llvm::StringRef typeLetters(int32_t type) {
  switch (type) {
  case AttributeProto::FLOAT:
    return "f";
  case AttributeProto::INT:
    return "i";
  case AttributeProto::STRING:
    return "s";
  case AttributeProto::TENSOR:
    return "t";
  case AttributeProto::GRAPH:
    return "g";
  case AttributeProto::FLOATS:
    return "fs";
  case AttributeProto::INTS:
    return "is";
  default:
    return "?";
  }
}

static llvm::StringRef typeWords(llvm::StringRef letters) {
  return llvm::StringSwitch<llvm::StringRef>(letters)
      .Case("f", "a float")
      .Case("i", "an integer")
      .Case("s", "a string")
      .Case("t", "a tensor")
      .Case("g", "a graph")
      .Case("fs", "a list of floats")
      .Case("is", "a list of integers")
      .Default("of another type");
}

/// Models of early IR versions leave the type out.
static int32_t typeOf(const AttributeProto &a) {
  if (a.has_type() && a.type() != AttributeProto::UNDEFINED)
    return a.type();
  if (a.has_i())
    return AttributeProto::INT;
  if (a.has_f())
    return AttributeProto::FLOAT;
  if (a.has_s())
    return AttributeProto::STRING;
  if (a.has_t())
    return AttributeProto::TENSOR;
  if (a.has_g())
    return AttributeProto::GRAPH;
  if (a.floats_size())
    return AttributeProto::FLOATS;
  return a.strings_size() ? int32_t{AttributeProto::STRINGS}
                          : int32_t{AttributeProto::INTS};
}

static std::string valueStr(const AttributeProto &a) {
  switch (typeOf(a)) {
  case AttributeProto::FLOAT: {
    std::string s;
    llvm::raw_string_ostream(s) << a.f();
    return s;
  }
  case AttributeProto::INT:
    return std::to_string(a.i());
  case AttributeProto::STRING:
    return a.s();
  case AttributeProto::INTS:
    return listStr(Ints(a.ints().data(), a.ints().size()));
  default:
    return "set";
  }
}

void NodeReader::checkAttribute(const AttributeProto &a) {
  llvm::SmallVector<llvm::StringRef> specs;
  row_.attributes.split(specs, ' ', -1, false);
  for (llvm::StringRef spec : specs) {
    llvm::StringRef name =
        spec.take_until([](char c) { return c == ':' || c == '='; });
    if (name != a.name())
      continue;
    llvm::StringRef rest = spec.drop_front(name.size());
    if (rest.consume_front("=")) {
      if (valueStr(a) != rest)
        fail("attribute '" + name + "' is " + valueStr(a) + "; only " + rest +
             " is supported");
    } else if (rest != ":-" && rest.drop_front() != typeLetters(typeOf(a)) &&
               // An empty list may have lost its type.
               !(rest.ends_with("s") && rest.size() == 3 &&
                 valueStr(a) == "[]")) {
      fail("attribute '" + name + "' must be " + typeWords(rest.drop_front()) +
           ", got " + typeWords(typeLetters(typeOf(a))));
    }
    return;
  }
  fail("attribute '" + llvm::Twine(a.name()) + "' is " + valueStr(a) +
       "; it is not supported");
}

void NodeReader::checkAttributes() {
  for (const AttributeProto *a : attributes_)
    checkAttribute(*a);
}

void NodeReader::checkInputs() {
  const int n = static_cast<int>(inputs_.size());
  if (row_.maxInputs >= 0 && n > row_.maxInputs)
    fail("has " + llvm::Twine(n) + " inputs, at most " +
         llvm::Twine(row_.maxInputs) + " are supported");
  for (int i = 0; i < row_.minInputs; ++i)
    if (!has(i))
      fail("input " + llvm::Twine(i) + " is missing");
  if (row_.maxInputs < 0)
    for (int i = 0; i < n; ++i)
      if (!has(i))
        fail("input " + llvm::Twine(i) + " is missing");
}

ConstData NodeReader::knownInput(size_t i, llvm::StringRef what) {
  if (failed())
    return {};
  if (const ConstData *d = has(i) ? known(in(i)) : nullptr)
    return *d;
  fail("needs values known at compile time: input " + llvm::Twine(i) + " (" +
       what + ") depends on " +
       (has(i) && m_.type(in(i)).vis == ir::Vis::Weight
            ? "weights; --public-const makes an initializer public"
            : "an input that is not bound; --bind fixes it"));
  return {};
}

std::vector<int64_t> NodeReader::knownInts(size_t i, llvm::StringRef what) {
  ConstData d = knownInput(i, what);
  if (!failed() && d.elem != Elem::I64)
    fail("input " + llvm::Twine(i) + " (" + what + ") must be integers");
  return failed() ? std::vector<int64_t>{} : d.ints;
}

int64_t NodeReader::knownInt(size_t i, llvm::StringRef what) {
  auto v = knownInts(i, what);
  if (!failed() && v.size() != 1)
    fail("input " + llvm::Twine(i) + " (" + what + ") must be one integer");
  return failed() ? 0 : v[0];
}

double NodeReader::knownNumber(size_t i, llvm::StringRef what) {
  ConstData d = knownInput(i, what);
  if (!failed() && d.numel() != 1)
    fail("input " + llvm::Twine(i) + " (" + what + ") must be one number");
  return failed() ? 0 : d.at(0);
}

AttributeProto *NodeReader::find(llvm::StringRef name) const {
  for (AttributeProto *a : attributes_)
    if (a->name() == name)
      return a;
  return nullptr;
}

int64_t NodeReader::attrInt(llvm::StringRef name, int64_t otherwise) const {
  auto *a = find(name);
  return a ? a->i() : otherwise;
}

double NodeReader::attrFloat(llvm::StringRef name, double otherwise) const {
  auto *a = find(name);
  return a ? a->f() : otherwise;
}

std::string NodeReader::attrStr(llvm::StringRef name,
                                llvm::StringRef otherwise) const {
  auto *a = find(name);
  return a ? a->s() : otherwise.str();
}

std::vector<int64_t>
NodeReader::attrInts(llvm::StringRef name,
                     std::vector<int64_t> otherwise) const {
  auto *a = find(name);
  return a ? std::vector<int64_t>(a->ints().begin(), a->ints().end())
           : otherwise;
}

std::vector<float> NodeReader::attrFloats(llvm::StringRef name) const {
  auto *a = find(name);
  return a ? std::vector<float>(a->floats().begin(), a->floats().end())
           : std::vector<float>{};
}

ConstData NodeReader::attrTensor(llvm::StringRef name) {
  if (failed())
    return {};
  auto d = services_.read(*find(name)->mutable_t());
  if (d)
    return std::move(*d);
  fail("attribute '" + name + "': " + llvm::toString(d.takeError()));
  return {};
}

mpcc_onnx::GraphProto &NodeReader::attrGraph(llvm::StringRef name) {
  return *find(name)->mutable_g();
}

std::optional<std::vector<int64_t>> NodeReader::intsFrom(llvm::StringRef name,
                                                         size_t i) {
  if (hasAttr(name))
    return attrInts(name);
  if (has(i))
    return knownInts(i, name);
  return std::nullopt;
}

void NodeReader::out(size_t i, ValueId v) {
  if (i < outputs_.size())
    outputs_[i] = v;
}

} // namespace mpc::frontend
