//===- runtime/plan/Plan.cpp - the op table, files, liveness --------------===//
#include "runtime/plan/Plan.h"

#include "runtime/core/File.h"
#include "runtime/plan/PlanCheck.h"

#include <array>
#include <cassert>
#include <fmt/format.h>

namespace mpc::plan {
namespace {

std::vector<std::string_view> words(std::string_view text) {
  std::vector<std::string_view> out;
  while (!text.empty()) {
    size_t end = std::min(text.find(' '), text.size());
    if (end != 0)
      out.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

const std::vector<PlanOpInfo> &table() {
  static const std::vector<PlanOpInfo> kTable = {
#define PLAN_OP(Name, mnemonic, opcode, operands, imms, exchange, doc)         \
  {PlanOp::Name, #Name, mnemonic, operands, words(imms), exchange != 0, doc},
#include "runtime/plan/PlanOps.def"
  };
  return kTable;
}

const std::vector<PublicOpInfo> &publicTable() {
  static const std::vector<PublicOpInfo> kTable = {
#define PUBLIC_OP(Name, mnemonic, opcode, operands, imms, doc)                 \
  {PublicOp::Name, #Name, mnemonic, operands, words(imms), doc},
#include "runtime/plan/PublicOps.def"
  };
  return kTable;
}

} // namespace

std::span<const PublicOpInfo> allPublicOps() { return publicTable(); }

const PublicOpInfo *findPublicOp(uint8_t opcode) {
  for (const PublicOpInfo &i : publicTable())
    if (static_cast<uint8_t>(i.op) == opcode)
      return &i;
  return nullptr;
}

const PublicOpInfo *findPublicOp(std::string_view mnemonic) {
  for (const PublicOpInfo &i : publicTable())
    if (i.mnemonic == mnemonic)
      return &i;
  return nullptr;
}

const PublicOpInfo &info(PublicOp op) {
  const PublicOpInfo *i = findPublicOp(static_cast<uint8_t>(op));
  assert(i && "not an opcode of the table");
  return *i;
}

std::string_view name(PublicElem e) {
  return std::array{"f32", "i64", "bool"}[static_cast<size_t>(e)];
}

PublicElem publicElemOf(core::DType t) {
  return core::isFloat(t)         ? PublicElem::F32
         : t == core::DType::Bool ? PublicElem::Bool
                                  : PublicElem::I64;
}

std::span<const PlanOpInfo> allPlanOps() { return table(); }

const PlanOpInfo *findPlanOp(uint8_t opcode) {
  static const std::array<const PlanOpInfo *, 256> kByOpcode = [] {
    std::array<const PlanOpInfo *, 256> a{};
    for (const PlanOpInfo &i : table())
      a[static_cast<uint8_t>(i.op)] = &i;
    return a;
  }();
  return kByOpcode[opcode];
}

const PlanOpInfo *findPlanOp(std::string_view mnemonic) {
  for (const PlanOpInfo &i : table())
    if (i.mnemonic == mnemonic)
      return &i;
  return nullptr;
}

const PlanOpInfo &info(PlanOp op) {
  const PlanOpInfo *i = findPlanOp(static_cast<uint8_t>(op));
  assert(i && "not an opcode of the table");
  return *i;
}

std::string_view name(Form f) {
  switch (f) {
  case Form::Masked:
    return "masked";
  case Form::Additive:
    return "additive";
  case Form::Bits:
    return "bits";
  case Form::Words:
    return "words";
  }
  return "unknown form";
}

int64_t RegInfo::numel() const { return core::numel(shape); }

core::Digest Plan::hash() const { return core::sha256(encode()); }

Status Plan::save(const std::string &path) const {
  return core::writeFile(path, encode());
}

Result<Plan> Plan::load(const std::string &path) {
  Result<core::MappedFile> file = core::MappedFile::open(path);
  if (!file)
    return file.error();
  Result<Plan> plan = decode(file->bytes());
  if (!plan)
    return Error{fmt::format("{}: {}", path, plan.error().message)};
  return plan;
}

std::vector<uint32_t> lastUses(const Plan &plan) {
  std::vector<uint32_t> last(plan.regs.size(), 0);
  for (uint32_t i = 0; i < plan.code.size(); ++i) {
    const Instr &in = plan.code[i];
    if (in.out != kNoReg)
      last[in.out] = std::max(last[in.out], i);
    for (Reg r : in.in)
      last[r] = i;
  }
  return last;
}

} // namespace mpc::plan
