//===- runtime/plan/Assembler.cpp - the disassembler's text, read ---------===//
//
// The format is described in Disassembler.cpp. Empty lines and lines that
// start with '#' are skipped. Errors name file, line and column; the verifier's
// complaints name the line of the guilty item.
//
//===----------------------------------------------------------------------===//
#include "runtime/plan/PlanText.h"

#include <array>
#include <fmt/format.h>
#include <map>

namespace mpc::plan {
namespace {

class Assembler {
public:
  Assembler(std::string_view text, std::string_view file)
      : text_(text), file_(file) {}

  Result<Plan> run() {
    plan_.locations.emplace_back();
    lines_[size_t(Part::Location)].push_back(1);
    for (size_t begin = 0; begin < text_.size();) {
      size_t end = std::min(text_.find('\n', begin), text_.size());
      ++lineNo_;
      Line l(text_.substr(begin, end - begin));
      if (!l.atEnd() && l.peek() != '#') {
        line(l);
        l.end();
      }
      if (!l.ok())
        return Error{fmt::format("{}:{}:{}: error: {}", file_, lineNo_,
                                 l.column(), l.error())};
      begin = end + 1;
    }
    if (!started_)
      return Error{fmt::format("{}:1:1: error: expected 'plan'", file_)};
    if (!registers())
      return Error{std::move(error_)};
    if (std::optional<Complaint> c = check(plan_)) {
      const std::vector<size_t> &at = lines_[size_t(c->part)];
      return Error{fmt::format("{}:{}: error: {}", file_,
                               c->index < at.size() ? at[c->index] : 1,
                               c->message)};
    }
    return std::move(plan_);
  }

private:
  void here(Part part) { lines_[size_t(part)].push_back(lineNo_); }

  void line(Line &l) {
    if (!started_) {
      l.expect("plan");
      plan_.name = l.quoted('"');
      l.expect("version");
      if (uint32_t v = l.number<uint32_t>(); l.ok() && v != kPlanVersion)
        l.fail(fmt::format("plan version {}, this program reads version {}", v,
                           kPlanVersion));
      started_ = true;
      here(Part::Header);
      return;
    }
    if (l.peek() == '$') {
      l.expect("$");
      const auto out = l.number<uint32_t>();
      if (out != plan_.open.code.size())
        l.fail(fmt::format("public instructions are numbered in order, ${} is "
                           "next",
                           plan_.open.code.size()));
      l.expect("=");
      return publicInstruction(l, l.word(), true);
    }
    if (l.peek() == '%') {
      l.expect("%");
      Reg out = l.number<Reg>();
      l.expect("=");
      return instruction(l, l.word(), out);
    }
    std::string_view word = l.word();
    if (l.peek() == '$')
      return publicInstruction(l, word, false);
    // `output` is a table line and an instruction.
    if (findPlanOp(word) && (word != "output" || l.peek() == '%') &&
        !((word == "input" || word == "weight") && l.peek() == '"'))
      return instruction(l, word, kNoReg);
    table(l, word);
  }

  void table(Line &l, std::string_view word) {
    if (word == "location") {
      here(Part::Location);
      plan_.locations.push_back(l.quoted('\''));
      locationIndex_.emplace(plan_.locations.back(),
                             static_cast<uint32_t>(plan_.locations.size() - 1));
    } else if (word == "input") {
      here(Part::Input);
      InputInfo &i = plan_.inputs.emplace_back();
      i.name = l.quoted('"');
      i.dtype = l.dtype();
      i.shape = l.shape();
      l.ringFrac(i.ring, i.frac);
      l.expect("range");
      l.interval(i.lo, i.hi);
    } else if (word == "bound") {
      here(Part::Bound);
      BoundInfo &b = plan_.bound.emplace_back();
      b.name = l.quoted('"');
      b.dtype = l.dtype();
      b.shape = l.shape();
      l.expect("sha256");
      digest(l, b.sha256);
    } else if (word == "public_input") {
      here(Part::PublicInput);
      plan_.open.inputs.push_back(parsePublicInput(l));
    } else if (word == "weight") {
      here(Part::Weight);
      WeightInfo &w = plan_.weights.emplace_back();
      w.name = l.quoted('"');
      w.shape = l.shape();
      l.ringFrac(w.ring, w.frac);
      if (!l.atEnd()) {
        l.expect("words");
        w.form = Form::Words;
      }
    } else if (word == "output") {
      here(Part::Output);
      OutputInfo &o = plan_.outputs.emplace_back();
      o.name = l.quoted('"');
      o.dtype = l.dtype();
      o.shape = l.shape();
      l.ringFrac(o.ring, o.frac);
    } else if (word == "public") {
      here(Part::PublicOutput);
      Plan::PublicOutput &o = plan_.publicOutputs.emplace_back();
      o.output = l.number<uint32_t>();
      l.expect("=");
      while (l.ok() && !l.atEnd())
        o.values.push_back(l.number<double>());
    } else if (word == "const") {
      here(Part::Const);
      l.expect("c");
      if (l.number<size_t>() != plan_.consts.size())
        l.fail(fmt::format("constants are numbered in order, c{} is next",
                           plan_.consts.size()));
      ConstInfo &c = plan_.consts.emplace_back();
      c.shape = l.shape();
      l.expect("=");
      c.session = l.take("session");
      while (l.ok() && !l.atEnd())
        c.data.push_back(l.number<int64_t>());
    } else {
      l.rewind(0);
      l.fail(fmt::format("unknown instruction or table '{}'", word));
    }
  }

  void digest(Line &l, core::Digest &d) {
    std::string_view hex = l.word();
    bool good = hex.size() == 2 * d.size();
    for (size_t i = 0; good && i < d.size(); ++i) {
      const char *at = hex.data() + 2 * i;
      good = std::from_chars(at, at + 2, d[i], 16).ptr == at + 2;
    }
    if (!good)
      l.fail("expected 64 hexadecimal digits");
  }

  void instruction(Line &l, std::string_view mnemonic, Reg out) {
    const PlanOpInfo *op = findPlanOp(mnemonic);
    if (!op)
      return l.fail(fmt::format("unknown instruction '{}'", mnemonic));
    if (hasResult(op->op) != (out != kNoReg))
      return l.fail(fmt::format("'{}' has {} result", mnemonic,
                                hasResult(op->op) ? "a" : "no"));
    here(Part::Instr);
    Instr in;
    in.op = op->op;
    in.out = out;
    while (l.peek() == '%' && l.ok()) {
      l.expect("%");
      in.in.push_back(l.number<Reg>());
      if (!l.take(","))
        break;
    }
    in.imm.resize(op->imms.size());
    for (size_t i = 0; i < op->imms.size(); ++i) {
      // The comma after the operands has been taken.
      if (i != 0)
        l.expect(",");
      immediate(l, op->imms[i], in.imm[i]);
    }
    if (hasResult(in.op))
      result(l, in.out);
    in.loc = location(l);
    plan_.code.push_back(std::move(in));
  }

  void publicInstruction(Line &l, std::string_view mnemonic, bool named) {
    const PublicOpInfo *op = findPublicOp(mnemonic);
    if (!op)
      return l.fail(fmt::format("unknown public instruction '{}'", mnemonic));
    if (hasResult(op->op) != named)
      return l.fail(fmt::format("'{}' has {} result", mnemonic,
                                hasResult(op->op) ? "a" : "no"));
    here(Part::PublicInstr);
    PublicInstr in = parsePublicInstr(l, *op);
    in.loc = location(l);
    plan_.open.code.push_back(std::move(in));
  }

  /// '; 'name'' at the end of an instruction, if it is there.
  uint32_t location(Line &l) {
    if (!l.take(";"))
      return 0;
    const std::string loc = l.quoted('\'');
    auto it = locationIndex_.find(loc);
    if (it != locationIndex_.end())
      return it->second;
    l.fail(fmt::format("location '{}' is not in the table", loc));
    return 0;
  }

  void immediate(Line &l, std::string_view imm, std::vector<int64_t> &to) {
    l.expect(immName(imm));
    l.expect("=");
    if (!isList(imm)) {
      if (isConst(imm))
        l.expect("c");
      to.push_back(l.number<int64_t>());
      return;
    }
    l.expect("[");
    while (l.ok() && l.peek() != ']')
      to.push_back(l.number<int64_t>());
    l.expect("]");
  }

  void result(Line &l, Reg out) {
    RegInfo r;
    l.expect(":");
    std::string_view form = l.word();
    for (Form f : {Form::Masked, Form::Additive, Form::Bits, Form::Words})
      if (name(f) == form)
        r.form = f;
    if (name(r.form) != form)
      l.fail(fmt::format("unknown form '{}'", form));
    l.expect("<");
    r.ring = l.number<uint8_t>();
    l.expect(",");
    r.frac = l.number<int16_t>();
    l.expect(",");
    r.intBits = l.number<int16_t>();
    l.expect(">");
    r.shape = l.shape();
    if (!regs_.emplace(out, std::pair{std::move(r), lineNo_}).second)
      l.fail(fmt::format("writes %{} a second time", out));
  }

  /// Registers must be numbered without gaps, in any order.
  bool registers() {
    for (auto &[reg, info] : regs_) {
      if (reg != plan_.regs.size()) {
        error_ = fmt::format("{}:{}: error: %{} is written, but %{} is not",
                             file_, info.second, reg, plan_.regs.size());
        return false;
      }
      plan_.regs.push_back(std::move(info.first));
      lines_[size_t(Part::Reg)].push_back(info.second);
    }
    return true;
  }

  std::string_view text_, file_;
  size_t lineNo_ = 0;
  bool started_ = false;
  Plan plan_;
  std::map<std::string, uint32_t> locationIndex_;
  std::map<Reg, std::pair<RegInfo, size_t>> regs_;
  std::array<std::vector<size_t>, kParts> lines_;
  std::string error_;
};

} // namespace

Result<Plan> Plan::assemble(std::string_view text, std::string_view fileName) {
  return Assembler(text, fileName).run();
}

} // namespace mpc::plan
