//===- ir/Type.cpp - printing and joining of types ------------------------===//
#include "ir/Type.h"
#include "llvm/Support/raw_ostream.h"
#include <algorithm>

namespace mpc::ir {

Type Type::tensor(Elem e, Vis v, llvm::ArrayRef<int64_t> shape) {
  Type t;
  t.elem = e;
  t.vis = v;
  t.shape.assign(shape.begin(), shape.end());
  return t;
}

Type Type::fx(Vis v, unsigned ring, int frac, int intBits,
              llvm::ArrayRef<int64_t> shape) {
  Type t = tensor(Elem::Fx, v, shape);
  t.ring = static_cast<uint8_t>(ring);
  t.frac = static_cast<int16_t>(frac);
  t.intBits = static_cast<int16_t>(intBits);
  return t;
}

int64_t Type::numel() const {
  int64_t n = 1;
  for (int64_t d : shape)
    n *= d;
  return n;
}

std::string Type::str() const {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << (form == Form::None ? name(elem) : name(form));
  if (isFx()) {
    os << '<';
    if (ring == 0)
      os << '_';
    else
      os << unsigned(ring);
    os << ',' << frac << ',' << intBits << '>';
  }
  os << '[';
  for (size_t i = 0; i < shape.size(); ++i)
    os << (i ? "x" : "") << shape[i];
  os << "] " << name(vis);
  return text;
}

Vis join(Vis a, Vis b) { return std::max(a, b); }

llvm::StringRef name(Elem e) {
  switch (e) {
  case Elem::F32:
    return "f32";
  case Elem::I64:
    return "i64";
  case Elem::Bool:
    return "bool";
  case Elem::Fx:
    return "fx";
  }
  return "?";
}

llvm::StringRef name(Vis v) {
  switch (v) {
  case Vis::Public:
    return "public";
  case Vis::Weight:
    return "weight";
  case Vis::Secret:
    return "secret";
  }
  return "?";
}

llvm::StringRef name(Form f) {
  switch (f) {
  case Form::None:
    return "none";
  case Form::Masked:
    return "masked";
  case Form::Additive:
    return "additive";
  case Form::Bits:
    return "bits";
  case Form::Words:
    return "words";
  }
  return "?";
}

} // namespace mpc::ir
