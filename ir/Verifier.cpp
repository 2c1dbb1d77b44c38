//===- ir/Verifier.cpp - every rule a module keeps ------------------------===//
//
// Module
//   1  The level is tensor, fixed or share. The order lists values of the
//      table, each once, none erased.
//   2  An op belongs to the module's level or to any level; a public result
//      may be of a tensor op below tensor level.
//   3  It has as many operands as Ops.def says.
//   4  Operands are defined earlier in the order.
//   5  It carries the attributes of Ops.def, those not optional all, no
//      others (but frac and rounds, on real values at tensor level), each of
//      its key's kind; constants are in the pool.
//   6  A range has lo <= hi.
//   7  Outputs are defined values; their names are not empty and not repeated;
//      their element type is f32, i64 or bool.
//   8  Names of inputs are not empty and not repeated; declared lo <= hi.
// Types
//   9  Dimensions are not negative, elements at most 2^40.
//   10 fx only at fixed and share level, a form only at share level; there
//      every value but the public ones has a form, masked and additive values
//      are fx, bits are bool. Below tensor level an f32 is public.
//   11 A ring has 1 to 64 bits; without one only at fixed level or if public;
//      then intBits + frac + 1 <= ring. Only fx has ring, frac and intBits.
//   12 A result is at least as secret as every operand (public < weight <
//      secret); inputs and constants declare their own.
// Data
//   13 A constant's data has its element type (f32 for fx), shape and number
//      of elements, bools are 0 or 1; it is never secret: only an input is
//      the client's.
//   14 Movement keeps element type, fraction, form and assigned ring.
//   15 reshape keeps the number of elements.
//   16 transpose: perm permutes the axes and gives the shape.
//   17 slice: starts and steps one an axis, no step 0, inside the operand.
//   18 concat: one axis, the other dimensions equal.
//   19 broadcast: numpy's rules give exactly the result's shape.
//   20 pad: the operand lies at `before` inside the result.
//   21 take: one i64 index an element, each -1 or inside the operand. pick: a
//      public i64 of the result's shape. encode: public to fx. flat_index: i64,
//      outer * n * inner elements.
// Tensor
//   22 Elementwise: the result has the broadcast shape of the operands.
//   23 Elementwise: operands of the element types the op is defined for, all
//      the same (but select's condition: bool); comparisons give bool.
//   24 map, fixed.map: expr parses; fixed.map: lo <= hi.
//   25 Reductions: distinct axes in range, keepdims 0 or 1.
//   26 softmax: f32, axis in range, the mask a public bool that broadcasts;
//      segments (also of fixed.reduce_max) fill the axis, which is the last.
//   27 matmul: ranks >= 2, inner dimensions equal, leading ones broadcast.
//   28 gather: i64 indices, axis in range.
// Fixed (shapes as at tensor level; rings agree where assigned, public
// operands aside)
//   29 add, sub, less, equal, select's branches: equal fractions.
//   30 neg, mask, reductions, extend, drop, select, gather keep the fraction.
//   31 mul, matmul: the fraction is the sum of the operands'.
//   32 shl: the fraction gains `bits`. trunc: fraction and ring lose `bits`.
//   33 extend: the ring grows; the operand leaves the bit free that this needs.
//      drop: the ring shrinks.
//   34 and, xor, not: bools; less, equal give bool; from_bool has fraction 0.
//   35 spline, exp: window in [1,64], depth in [0,window], degree >= 0.
//   36 gather: the index is an integer, rows in [1, dimension].
// Share
//   37 Each op takes and gives the forms Ops.def says; add and sub take two of
//      one form, or one and a public operand.
//   38 Rings and fractions as at fixed level; all rings assigned.
//   39 one_hot and one_hot_bits append an axis of `rows`; select_words takes
//      bits [n, rows] and words [rows, d]; from_words keeps shape and fraction
//      and gives a ring that is not smaller.
// Guard
//   40 in_range: 64 bools, integers lo <= hi, 1 to 32 links of four numbers; at
//      fixed level made for the operand's fraction bits. assume keeps them.
//
// Each rule has a negative test of its number in tests/unit/ir.
//
//===----------------------------------------------------------------------===//
#include "ir/Verifier.h"
#include "ir/VerifierImpl.h"
#include "llvm/ADT/StringSet.h"
#include <cmath>

namespace mpc::ir {
namespace {

using llvm::Twine;

//===--------------------------------------------------------------------===//
// Attributes: one kind a key, whatever the op
//===--------------------------------------------------------------------===//

enum Kind { Int, Number, Ints, Text, Const, Coeffs, Unknown };

Kind kindOf(llvm::StringRef key) {
  static const std::pair<llvm::StringRef, Kind> kKinds[] = {
      {"name", Text},        {"lo", Number},
      {"hi", Number},        {"value", Const},
      {"perm", Ints},        {"starts", Ints},
      {"segments", Ints},    {"steps", Ints},
      {"axis", Int},         {"before", Ints},
      {"indices", Const},    {"fmod", Int},
      {"expr", Text},        {"axes", Ints},
      {"keepdims", Int},     {"slack", Int},
      {"bits", Int},         {"window", Int},
      {"depth", Int},        {"degree", Int},
      {"payload_frac", Int}, {"coeff_frac", Int},
      {"coeffs", Coeffs},    {"table_frac", Int},
      {"public_frac", Int},  {"rows", Int},
      {"inner", Int},        {"outer", Int},
      {"round", Int},        {"side", Int},
      {"drop", Int},         {"digit", Int},
      {"step", Int},         {"offset", Int},
      {"slope", Int},        {"frac", Int},
      {"rounds", Int},       {"exp_frac", Int},
      {"inverse_frac", Int}, {"product_frac", Int},
      {"tolerance", Number}, {"relative_tolerance", Number},
      {"links", Ints},       {"proved", Int},
      {"partial", Int}};
  for (const auto &[name, kind] : kKinds)
    if (name == key)
      return kind;
  return Unknown;
}

const char *describe(Kind kind) {
  static const char *const kText[] = {"an integer",
                                      "a number",
                                      "a list of integers",
                                      "a text",
                                      "a constant of the module",
                                      "a list or a constant of the module",
                                      "known to the verifier"};
  return kText[kind];
}

bool hasKind(const Module &m, const Attr &a, Kind kind) {
  const auto *id = std::get_if<ConstId>(&a);
  bool isConst = id && id->index < m.numConsts();
  bool isInts = std::holds_alternative<std::vector<int64_t>>(a);
  switch (kind) {
  case Int:
    return std::holds_alternative<int64_t>(a);
  case Number:
    return std::holds_alternative<int64_t>(a) ||
           std::holds_alternative<double>(a);
  case Ints:
    return isInts;
  case Text:
    return std::holds_alternative<std::string>(a);
  case Const:
    return isConst;
  case Coeffs:
    return isConst || isInts || std::holds_alternative<std::vector<double>>(a);
  case Unknown:
    return false;
  }
  return false;
}

std::string checkAttrs(const Module &m, const Op &op) {
  llvm::SmallVector<llvm::StringRef, 8> keys;
  info(op.opcode).attrs.split(keys, ' ', -1, /*KeepEmpty=*/false);
  if (m.level() == Level::Tensor && op.type.elem == Elem::F32)
    keys.append({"frac?", "rounds?"});
  for (const auto &[key, value] : op.attrs)
    if (llvm::none_of(keys,
                      [&](llvm::StringRef k) { return k.rtrim('?') == key; }))
      return "has no attribute '" + key + "'";
  for (llvm::StringRef key : keys) {
    bool optional = key.consume_back("?");
    const Attr *value = op.attr(key);
    if (!value && !optional)
      return ("needs the attribute '" + key + "'").str();
    if (value && !hasKind(m, *value, kindOf(key)))
      return ("attribute '" + key + "' must be " + describe(kindOf(key))).str();
  }
  for (size_t i = 1; i < op.attrs.size(); ++i)
    if (op.attrs[i - 1].first >= op.attrs[i].first)
      return "attributes are not sorted by key";
  return "";
}

//===--------------------------------------------------------------------===//
// Types
//===--------------------------------------------------------------------===//

std::string checkForm(Level level, const Type &t) {
  if (t.form != Form::None && level != Level::Share)
    return "has a sharing form above share level";
  if (t.isFx() && level == Level::Tensor)
    return "has type fx at tensor level";
  if (t.elem == Elem::F32 && level != Level::Tensor && !t.isPublic())
    return "is f32 below tensor level but not public";
  if (level == Level::Share && t.isPublic() != (t.form == Form::None))
    return t.isPublic() ? "is public but has a sharing form"
                        : "is not public and needs a sharing form";
  if (t.form != Form::None && t.form != Form::Bits && !t.isFx())
    return (name(t.form) + Twine(" values must be fx")).str();
  if (t.form == Form::Bits && t.elem != Elem::Bool)
    return "bits must be bool";
  return "";
}

std::string checkRing(Level level, const Type &t) {
  if (!t.isFx())
    return t.ring || t.frac || t.intBits ? "only fx has ring, fraction and "
                                           "integer bits"
                                         : "";
  if (t.ring == 0)
    return level == Level::Fixed || t.isPublic()
               ? ""
               : "has no ring below fixed level";
  if (t.ring > 64)
    return "has a ring of more than 64 bits";
  if (t.intBits + t.frac + 1 > t.ring)
    return ("needs " + Twine(t.intBits + t.frac + 1) + " bits, the ring of " +
            t.str() + " has " + Twine(unsigned(t.ring)))
        .str();
  return "";
}

std::string checkType(const Module &m, const Op &op) {
  const Type &t = op.type;
  if (!checkedNumel(t.shape))
    return "has a negative dimension or too many elements";
  std::string message = checkForm(m.level(), t);
  if (message.empty())
    message = checkRing(m.level(), t);
  if (!message.empty())
    return message;
  if (op.opcode != Opcode::Input && op.opcode != Opcode::Constant)
    for (ValueId v : op.operands)
      if (join(t.vis, m.type(v).vis) != t.vis)
        return ("is " + name(t.vis) + Twine(" but depends on a ") +
                name(m.type(v).vis) + " value")
            .str();
  return "";
}

//===--------------------------------------------------------------------===//
// The walk
//===--------------------------------------------------------------------===//

class Verifier {
public:
  explicit Verifier(const Module &m) : m_(m), defined_(m.numValues(), false) {}

  std::optional<Violation> run() {
    if (m_.level() == Level::Any)
      return Violation{{}, "the module has no level"};
    for (ValueId v : m_.order()) {
      if (v.index >= m_.numValues() || m_.op(v).erased || defined_[v.index])
        return Violation{{},
                         "the order lists value " + std::to_string(v.index) +
                             " twice, or it is erased or unknown"};
      std::string message = check(m_.op(v));
      if (!message.empty())
        return Violation{v, std::move(message)};
      defined_[v.index] = true;
    }
    std::string message = checkOutputs();
    if (!message.empty())
      return Violation{{}, std::move(message)};
    return std::nullopt;
  }

private:
  std::string check(const Op &op) {
    const OpInfo &row = info(op.opcode);
    const bool open = row.level == Level::Tensor && op.type.isPublic();
    if (row.level != Level::Any && row.level != m_.level() && !open)
      return ("does not belong into a module of level " + name(m_.level()))
          .str();
    int n = static_cast<int>(op.operands.size());
    if (n < row.minOperands || (row.maxOperands >= 0 && n > row.maxOperands))
      return ("takes " + Twine(row.minOperands) +
              (row.maxOperands < 0 ? Twine(" or more")
               : row.maxOperands > row.minOperands
                   ? " to " + Twine(row.maxOperands)
                   : Twine("")) +
              " operands, got " + Twine(n))
          .str();
    for (ValueId v : op.operands)
      if (v.index >= defined_.size() || !defined_[v.index])
        return "uses a value before it is defined";
    std::string message = checkAttrs(m_, op);
    if (message.empty())
      message = checkType(m_, op);
    if (!message.empty())
      return message;
    if (op.range && !(op.range->first <= op.range->second))
      return "has an empty range";
    if (op.opcode == Opcode::Input &&
        !inputNames_.insert(op.strAttr("name")).second)
      return ("repeats the input name '" + op.strAttr("name") + "'").str();
    detail::OpChecker checker(m_, op);
    bool ok = row.level == Level::Any      ? checker.checkAny()
              : row.level == Level::Tensor ? checker.checkTensor()
              : row.level == Level::Fixed  ? checker.checkFixed()
                                           : checker.checkShare();
    return ok ? "" : checker.takeMessage();
  }

  std::string checkOutputs() {
    llvm::StringSet<> names;
    for (const Output &out : m_.outputs()) {
      if (out.value.index >= defined_.size() || !defined_[out.value.index])
        return "output '" + out.name + "' is not defined";
      if (out.name.empty())
        return "an output has no name";
      if (!names.insert(out.name).second)
        return "the output name '" + out.name + "' is repeated";
      if (out.elem == Elem::Fx)
        return "output '" + out.name + "' must be f32, i64 or bool";
    }
    return "";
  }

  const Module &m_;
  std::vector<bool> defined_;
  llvm::StringSet<> inputNames_;
};

} // namespace

std::optional<Violation> firstViolation(const Module &m) {
  return Verifier(m).run();
}

llvm::Error verify(const Module &m) {
  std::optional<Violation> v = firstViolation(m);
  if (!v)
    return llvm::Error::success();
  if (!v->op.valid())
    return llvm::createStringError(llvm::inconvertibleErrorCode(),
                                   "module '" + m.name() + "': " + v->message);
  // The number the printer gives it.
  auto at = std::find(m.order().begin(), m.order().end(), v->op);
  const Op &op = m.op(v->op);
  return llvm::createStringError(
      llvm::inconvertibleErrorCode(),
      "module '" + m.name() + "': %" + Twine(at - m.order().begin()) + " '" +
          info(op.opcode).mnemonic + "' " + v->message +
          (op.loc.empty() ? "" : " (from '" + op.loc + "')"));
}

} // namespace mpc::ir
