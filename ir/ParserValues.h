//===- ir/ParserValues.h - types, attributes and constants, private -------===//
#pragma once

#include "ir/Scanner.h"

namespace mpc::ir::detail {

/// A constant of one repeated value may not have more elements than this in
/// a module: a short text must not ask for unbounded memory.
inline constexpr int64_t kMaxSplatElements = int64_t(1) << 27;

class ValueParser {
public:
  explicit ValueParser(Scanner &scan) : scan_(scan) {}

  bool elem(Elem &e);
  bool type(Type &t);
  bool attr(Module &m, Attr &value);

private:
  bool shape(Shape &s);
  bool ringFracInt(Type &t);
  bool list(Attr &value);
  bool constant(ConstData &c);
  bool elements(ConstData &c, int64_t n, size_t at);
  bool element(ConstData &c);
  bool storage(ConstData &c, int64_t n, size_t at);

  Scanner &scan_;
  int64_t splatElements_ = 0;
};

} // namespace mpc::ir::detail
