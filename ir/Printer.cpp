//===- ir/Printer.cpp - a module as text ----------------------------------===//
#include "ir/Infer.h"
#include "ir/Text.h"
#include "ir/TextUtil.h"
#include "llvm/ADT/StringExtras.h"
#include <cstring>

namespace mpc::ir {
namespace {

class Printer {
public:
  Printer(const Module &m, llvm::raw_ostream &os, const PrintOptions &options)
      : m_(m), os_(os), options_(options), number_(m.numValues(), ~0u) {}

  void run() {
    os_ << "module @";
    if (isPlainName(m_.name()))
      os_ << m_.name();
    else
      text(m_.name());
    os_ << " level(" << name(m_.level()) << ") {\n";
    for (size_t i = 0; i < m_.order().size(); ++i) {
      number_[m_.order()[i].index] = static_cast<uint32_t>(i);
      op(m_.order()[i]);
    }
    os_ << "  return";
    for (size_t i = 0; i < m_.outputs().size(); ++i) {
      const Output &out = m_.outputs()[i];
      os_ << (i ? ", " : " ");
      value(out.value);
      os_ << " as ";
      text(out.name);
      os_ << " : " << name(out.elem);
    }
    os_ << "\n}\n";
  }

private:
  static bool isPlainName(llvm::StringRef s) {
    return !s.empty() && llvm::all_of(s, [](char c) {
      return llvm::isAlnum(c) || c == '_' || c == '.' || c == '-';
    });
  }

  /// Values print as their place in the order. A value that is not (yet)
  /// defined - the module is broken - prints its id, so it can be found.
  void value(ValueId v) {
    if (v.index < number_.size() && number_[v.index] != ~0u)
      os_ << '%' << number_[v.index];
    else
      os_ << "%undefined" << v.index;
  }

  void op(ValueId v) {
    const Op &op = m_.op(v);
    os_ << "  ";
    value(v);
    os_ << " = " << info(op.opcode).mnemonic;
    for (size_t i = 0; i < op.operands.size(); ++i) {
      os_ << (i ? ", " : " ");
      value(op.operands[i]);
    }
    for (size_t i = 0; i < op.attrs.size(); ++i) {
      os_ << (i ? ", " : " {") << op.attrs[i].first << " = ";
      std::visit([&](const auto &a) { attr(a); }, op.attrs[i].second);
    }
    os_ << (op.attrs.empty() ? " : " : "} : ") << op.type.str();
    if (options_.ranges && op.range)
      os_ << " range(" << formatReal(op.range->first) << ", "
          << formatReal(op.range->second) << ")";
    if (options_.locations && !op.loc.empty()) {
      os_ << " loc(";
      text(op.loc);
      os_ << ")";
    }
    os_ << "\n";
  }

  void attr(int64_t v) { os_ << v; }
  void attr(double v) { os_ << formatReal(v); }
  void attr(const std::string &v) { text(v); }
  void attr(const std::vector<int64_t> &list) {
    os_ << '[';
    for (size_t i = 0; i < list.size(); ++i)
      os_ << (i ? ", " : "") << list[i];
    os_ << ']';
  }
  void attr(const std::vector<double> &list) {
    if (list.empty())
      os_ << "reals";
    os_ << '[';
    for (size_t i = 0; i < list.size(); ++i)
      os_ << (i ? ", " : "") << formatReal(list[i]);
    os_ << ']';
  }

  void attr(ConstId id) {
    if (id.index >= m_.numConsts()) {
      os_ << "undefined_constant";
      return;
    }
    const ConstData &c = m_.constData(id);
    std::string type = Type::tensor(c.elem, Vis::Public, c.shape).str();
    os_ << "dense<" << llvm::StringRef(type).split(' ').first << ' ';
    int64_t n = c.numel();
    if (n > 0 && isSplat(c)) {
      element(c, 0);
    } else if (n > options_.maxConstantElements) {
      if (options_.complete)
        hex(c);
      else
        os_ << "elided<" << n << '>';
    } else {
      os_ << '[';
      for (int64_t i = 0; i < n; ++i) {
        os_ << (i ? ", " : "");
        element(c, i);
      }
      os_ << ']';
    }
    os_ << '>';
  }

  static bool isSplat(const ConstData &c) {
    if (c.elem == Elem::F32) // by bits: -0.0 is not 0.0, a NaN is itself
      return llvm::all_of(c.floats, [&](const float &f) {
        return std::memcmp(&f, &c.floats[0], sizeof f) == 0;
      });
    return llvm::all_of(c.ints, [&](int64_t i) { return i == c.ints[0]; });
  }

  void element(const ConstData &c, int64_t i) {
    if (c.elem == Elem::F32)
      os_ << formatReal(c.floats[i]);
    else if (c.elem == Elem::Bool)
      os_ << (c.ints[i] ? "true" : "false");
    else
      os_ << c.ints[i];
  }

  void hex(const ConstData &c) {
    os_ << "0x";
    auto emit = [&](uint64_t word, int nBytes) {
      for (int b = 0; b < nBytes; ++b, word >>= 8)
        os_ << llvm::hexdigit((word >> 4) & 15, true)
            << llvm::hexdigit(word & 15, true);
    };
    for (float f : c.floats) {
      uint32_t word;
      std::memcpy(&word, &f, sizeof word);
      emit(word, 4);
    }
    for (int64_t i : c.ints)
      emit(static_cast<uint64_t>(i), c.elem == Elem::Bool ? 1 : 8);
  }

  /// Quotes, backslashes and control bytes are escaped; the rest is UTF-8.
  void text(llvm::StringRef s) {
    os_ << '"';
    for (unsigned char c : s) {
      if (c == '"' || c == '\\')
        os_ << '\\' << c;
      else if (c < 0x20 || c == 0x7f)
        os_ << '\\' << llvm::hexdigit(c >> 4, true)
            << llvm::hexdigit(c & 15, true);
      else
        os_ << c;
    }
    os_ << '"';
  }

  const Module &m_;
  llvm::raw_ostream &os_;
  const PrintOptions &options_;
  std::vector<uint32_t> number_;
};

} // namespace

void print(const Module &m, llvm::raw_ostream &os,
           const PrintOptions &options) {
  Printer(m, os, options).run();
}

std::string toString(const Module &m, const PrintOptions &options) {
  std::string text;
  llvm::raw_string_ostream os(text);
  print(m, os, options);
  return text;
}

} // namespace mpc::ir
