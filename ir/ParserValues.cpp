//===- ir/ParserValues.cpp - types, attributes and constants --------------===//
#include "ir/ParserValues.h"
#include "ir/Infer.h"
#include "llvm/ADT/StringExtras.h"
#include <cstring>

namespace mpc::ir::detail {

//===--------------------------------------------------------------------===//
// Types: fx<52,13,6>[1x128] secret
//===--------------------------------------------------------------------===//

bool ValueParser::elem(Elem &e) {
  for (Elem candidate : {Elem::F32, Elem::I64, Elem::Bool, Elem::Fx})
    if (scan_.acceptWord(name(candidate)))
      return e = candidate, true;
  return scan_.expected("an element type");
}

bool ValueParser::shape(Shape &s) {
  size_t at = scan_.place();
  if (!scan_.expect('['))
    return false;
  if (scan_.accept(']'))
    return true;
  for (;;) {
    scan_.place();
    llvm::StringRef digits =
        scan_.takeWhile([](char c) { return llvm::isDigit(c); });
    int64_t dim = 0;
    if (digits.empty() || digits.getAsInteger(10, dim))
      return scan_.expected("a dimension");
    s.push_back(dim);
    if (scan_.accept(']'))
      break;
    if (!scan_.expect('x'))
      return false;
    if (s.size() >= 32)
      return scan_.fail(at, "a shape has at most 32 dimensions");
  }
  return checkedNumel(s) || scan_.fail(at, "the shape is too large");
}

bool ValueParser::ringFracInt(Type &t) {
  size_t at = scan_.place();
  int64_t ring = 0, frac = 0, intBits = 0;
  if (!scan_.expect('<'))
    return false;
  if (!scan_.acceptWord("_")) {
    if (!scan_.integer(ring))
      return false;
    if (ring < 1 || ring > 64)
      return scan_.fail(at, "a ring has 1 to 64 bits, got " +
                                llvm::Twine(ring) + "; write _ for none");
  }
  if (!scan_.expect(',') || !scan_.integer(frac) || !scan_.expect(',') ||
      !scan_.integer(intBits) || !scan_.expect('>'))
    return false;
  constexpr int64_t kLimit = 1 << 12;
  if (frac < -kLimit || frac > kLimit || intBits < -kLimit || intBits > kLimit)
    return scan_.fail(at, "fraction or integer bits are out of range");
  t.ring = static_cast<uint8_t>(ring);
  t.frac = static_cast<int16_t>(frac);
  t.intBits = static_cast<int16_t>(intBits);
  return true;
}

bool ValueParser::type(Type &t) {
  for (Form form : {Form::Masked, Form::Additive, Form::Bits, Form::Words})
    if (t.form == Form::None && scan_.acceptWord(name(form)))
      t.form = form;
  if (t.form == Form::Bits)
    t.elem = Elem::Bool;
  else if (t.form != Form::None)
    t.elem = Elem::Fx;
  else if (!elem(t.elem))
    return false;
  if (t.isFx() && !ringFracInt(t))
    return false;
  if (!shape(t.shape))
    return false;
  for (Vis v : {Vis::Public, Vis::Weight, Vis::Secret})
    if (scan_.acceptWord(name(v)))
      return t.vis = v, true;
  return scan_.expected("public, weight or secret");
}

//===--------------------------------------------------------------------===//
// Attributes
//===--------------------------------------------------------------------===//

bool ValueParser::attr(Module &m, Attr &value) {
  if (scan_.peek('"')) {
    std::string text;
    return scan_.quoted(text) && (value = std::move(text), true);
  }
  if (scan_.acceptWord("dense")) {
    ConstData data;
    if (!constant(data))
      return false;
    value = m.addConst(std::move(data));
    return true;
  }
  if (scan_.acceptWord("reals")) {
    value = std::vector<double>();
    return scan_.expect('[') && scan_.expect(']');
  }
  return scan_.peek('[') ? list(value) : scan_.number(value);
}

bool ValueParser::list(Attr &value) {
  std::vector<int64_t> ints;
  std::vector<double> reals;
  scan_.expect('[');
  if (!scan_.accept(']')) {
    do {
      size_t at = scan_.place();
      Attr entry;
      if (!scan_.number(entry))
        return false;
      if (const auto *i = std::get_if<int64_t>(&entry))
        ints.push_back(*i);
      else
        reals.push_back(std::get<double>(entry));
      if (!ints.empty() && !reals.empty())
        return scan_.fail(at, "the list mixes integers and reals");
    } while (scan_.accept(','));
    if (!scan_.expect(']'))
      return false;
  }
  if (reals.empty())
    value = std::move(ints);
  else
    value = std::move(reals);
  return true;
}

//===--------------------------------------------------------------------===//
// Constants: dense<f32[2] [0.5, 1.0]>
//===--------------------------------------------------------------------===//

bool ValueParser::constant(ConstData &c) {
  if (!scan_.expect('<'))
    return false;
  size_t at = scan_.place();
  if (!elem(c.elem))
    return false;
  if (c.elem == Elem::Fx)
    return scan_.fail(at, "a constant holds f32, i64 or bool");
  return shape(c.shape) && elements(c, *checkedNumel(c.shape), at) &&
         scan_.expect('>');
}

bool ValueParser::elements(ConstData &c, int64_t n, size_t at) {
  if (scan_.peekWord() == "elided")
    return scan_.failHere("the elements of this constant were left out when "
                          "the text was printed; print it in full");
  if (scan_.accept('[')) {
    if (!scan_.accept(']')) {
      do
        if (!element(c))
          return false;
      while (scan_.accept(','));
      if (!scan_.expect(']'))
        return false;
    }
    return c.numel() == n ||
           scan_.fail(at, "the constant has " + llvm::Twine(n) +
                              " elements, got " + llvm::Twine(c.numel()));
  }
  if (scan_.startsStorage())
    return storage(c, n, at);
  if (n == 0)
    return scan_.expected("'['");
  if (!element(c))
    return false;
  splatElements_ += n;
  if (n > kMaxSplatElements || splatElements_ > kMaxSplatElements)
    return scan_.fail(at, "constants of one repeated value may have " +
                              llvm::Twine(kMaxSplatElements) +
                              " elements in all");
  if (c.elem == Elem::F32)
    c.floats.resize(n, c.floats[0]);
  else
    c.ints.resize(n, c.ints[0]);
  return true;
}

bool ValueParser::element(ConstData &c) {
  if (c.elem == Elem::F32) {
    float f = 0;
    return scan_.real(f) && (c.floats.push_back(f), true);
  }
  if (c.elem == Elem::Bool) {
    bool isTrue = scan_.acceptWord("true");
    if (!isTrue && !scan_.acceptWord("false"))
      return scan_.expected("true or false");
    c.ints.push_back(isTrue);
    return true;
  }
  int64_t i = 0;
  return scan_.integer(i) && (c.ints.push_back(i), true);
}

bool ValueParser::storage(ConstData &c, int64_t n, size_t at) {
  size_t nBytes = c.elem == Elem::F32 ? 4 : c.elem == Elem::I64 ? 8 : 1;
  llvm::StringRef digits =
      scan_.takeWhile([](char ch) { return llvm::isHexDigit(ch); });
  if (digits.size() != 2 * nBytes * static_cast<size_t>(n))
    return scan_.fail(
        at, "the constant takes " + llvm::Twine(2 * nBytes * size_t(n)) +
                " hexadecimal digits, got " + llvm::Twine(digits.size()));
  for (; !digits.empty(); digits = digits.drop_front(2 * nBytes)) {
    uint64_t word = 0;
    for (size_t b = 0; b < nBytes; ++b)
      word |= uint64_t(llvm::hexFromNibbles(digits[2 * b], digits[2 * b + 1]))
              << (8 * b);
    if (c.elem == Elem::F32) {
      auto half = static_cast<uint32_t>(word);
      float f;
      std::memcpy(&f, &half, sizeof f);
      c.floats.push_back(f);
    } else {
      c.ints.push_back(static_cast<int64_t>(word));
    }
  }
  return true;
}

} // namespace mpc::ir::detail
