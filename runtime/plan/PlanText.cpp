//===- runtime/plan/PlanText.cpp - lines of the public section ------------===//
#include "runtime/plan/PlanText.h"

#include <bit>
#include <cmath>
#include <iterator>

namespace mpc::plan {
namespace {

/// The numbers of a `real` as floats, in their shortest form.
std::string floatsText(const std::vector<int64_t> &bits) {
  std::string out;
  for (size_t i = 0; i < bits.size(); ++i)
    fmt::format_to(std::back_inserter(out), "{}{}", i ? " " : "",
                   std::bit_cast<float>(static_cast<uint32_t>(bits[i])));
  return out;
}

int64_t floatBits(float f) {
  return std::isnan(f) ? 0x7fc00000 : std::bit_cast<uint32_t>(f);
}

} // namespace

std::string quoted(std::string_view s, char quote) {
  std::string out(1, quote);
  for (char c : s) {
    auto u = static_cast<unsigned char>(c);
    if (c == quote || c == '\\') {
      out += '\\';
      out += c;
    } else if (u < 0x20 || u == 0x7f) {
      out += fmt::format("\\x{:02x}", u);
    } else {
      out += c;
    }
  }
  return out += quote;
}

std::string shapeText(const core::Shape &s) {
  return fmt::format("[{}]", fmt::join(s, "x"));
}

void printPublicInstr(std::string &text, const Plan &p, size_t index) {
  auto o = std::back_inserter(text);
  const PublicInstr &in = p.open.code[index];
  const PublicOpInfo &op = info(in.op);
  if (hasResult(in.op))
    fmt::format_to(o, "${} = ", index);
  fmt::format_to(o, "{}", op.mnemonic);
  std::string_view sep = " ";
  for (uint32_t r : in.in) {
    fmt::format_to(o, "{}${}", sep, r);
    sep = ", ";
  }
  for (size_t i = 0; i < op.imms.size(); ++i) {
    fmt::format_to(o, "{}{}=", sep, immName(op.imms[i]));
    if (in.op == PublicOp::Real)
      fmt::format_to(o, "[{}]", floatsText(in.imm[i]));
    else if (isList(op.imms[i]))
      fmt::format_to(o, "[{}]", fmt::join(in.imm[i], " "));
    else
      fmt::format_to(o, "{}{}", isConst(op.imms[i]) ? "c" : "", in.imm[i][0]);
    sep = ", ";
  }
  if (hasResult(in.op))
    fmt::format_to(o, " : {}{}", name(in.type.elem), shapeText(in.type.shape));
  if (in.op == PublicOp::Encode)
    fmt::format_to(o, " in [{}, {}]", in.type.lo, in.type.hi);
  if (in.loc != 0)
    fmt::format_to(o, "  ; {}", quoted(p.locations[in.loc], '\''));
  text += '\n';
}

PublicInstr parsePublicInstr(Line &l, const PublicOpInfo &op) {
  PublicInstr in;
  in.op = op.op;
  while (l.ok() && l.peek() == '$') {
    l.expect("$");
    in.in.push_back(l.number<uint32_t>());
    if (!l.take(","))
      break;
  }
  in.imm.resize(op.imms.size());
  for (size_t i = 0; i < op.imms.size(); ++i) {
    if (i != 0)
      l.expect(",");
    l.expect(immName(op.imms[i]));
    l.expect("=");
    if (!isList(op.imms[i])) {
      if (isConst(op.imms[i]))
        l.expect("c");
      in.imm[i].push_back(l.number<int64_t>());
      continue;
    }
    l.expect("[");
    while (l.ok() && l.peek() != ']')
      in.imm[i].push_back(in.op == PublicOp::Real ? floatBits(l.number<float>())
                                                  : l.number<int64_t>());
    l.expect("]");
  }
  if (!hasResult(in.op))
    return in;
  l.expect(":");
  const std::string_view elem = l.word();
  bool known = false;
  for (PublicElem e : {PublicElem::F32, PublicElem::I64, PublicElem::Bool})
    if (name(e) == elem) {
      in.type.elem = e;
      known = true;
    }
  if (!known)
    l.fail(fmt::format("unknown element type '{}'", elem));
  in.type.shape = l.shape();
  if (in.op == PublicOp::Encode) {
    l.expect("in");
    l.interval(in.type.lo, in.type.hi);
  }
  return in;
}

PublicInputInfo parsePublicInput(Line &l) {
  PublicInputInfo i;
  i.name = l.quoted('"');
  i.dtype = l.dtype();
  i.shape = l.shape();
  l.expect("range");
  l.interval(i.lo, i.hi);
  return i;
}

} // namespace mpc::plan
