//===- runtime/plan/Codec.cpp - a plan as bytes, and back -----------------===//
//
//   "MPCCPLAN"  u32 version  u64 bytes of the whole file
//   sections in the order of Part: u8 tag, u32 length, body
//   SHA-256 of all bytes before it
//
// A body is a varint count of items, then the items. Numbers are varints in
// their shortest form, so a plan has exactly one encoding and one hash.
// The decoder takes no memory that the bytes left do not justify.
//
//===----------------------------------------------------------------------===//
#include "runtime/core/ByteStream.h"
#include "runtime/plan/PlanCheck.h"

#include <array>
#include <cstring>
#include <fmt/format.h>
#include <functional>

namespace mpc::plan {
namespace {

constexpr std::string_view kMagic = "MPCCPLAN";
constexpr size_t kHeaderBytes = 8 + 4 + 8;
constexpr size_t kDigestBytes = sizeof(core::Digest);
constexpr size_t kNameLimit = kMaxName;

using core::Reader;
using core::Writer;

// --- encoding ---------------------------------------------------------------

void putShape(Writer &w, const core::Shape &shape) {
  w.varint(shape.size());
  for (int64_t d : shape)
    w.varint(static_cast<uint64_t>(d));
}

void put(Writer &w, const std::string &s) { w.string(s); }
void put(Writer &w, const InputInfo &i) {
  w.string(i.name);
  w.u8(static_cast<uint8_t>(i.dtype));
  putShape(w, i.shape);
  w.u8(i.ring);
  w.svarint(i.frac);
  w.f64(i.lo);
  w.f64(i.hi);
}
void put(Writer &w, const BoundInfo &b) {
  w.string(b.name);
  w.u8(static_cast<uint8_t>(b.dtype));
  putShape(w, b.shape);
  w.bytes(b.sha256);
}
void put(Writer &w, const WeightInfo &i) {
  w.string(i.name);
  putShape(w, i.shape);
  w.u8(i.ring);
  w.svarint(i.frac);
  w.u8(static_cast<uint8_t>(i.form));
}
void put(Writer &w, const OutputInfo &o) {
  w.string(o.name);
  w.u8(static_cast<uint8_t>(o.dtype));
  putShape(w, o.shape);
  w.u8(o.ring);
  w.svarint(o.frac);
}
void put(Writer &w, const Plan::PublicOutput &o) {
  w.varint(o.output);
  w.varint(o.values.size());
  for (double v : o.values)
    w.f64(v);
}
void put(Writer &w, const ConstInfo &c) {
  putShape(w, c.shape);
  w.varint(c.session ? 0 : c.data.size() + 1);
  for (int64_t v : c.data)
    w.svarint(v);
}
void put(Writer &w, const PublicInputInfo &i) {
  w.string(i.name);
  w.u8(static_cast<uint8_t>(i.dtype));
  putShape(w, i.shape);
  w.f64(i.lo);
  w.f64(i.hi);
}
void putImmediates(Writer &w, const std::vector<std::string_view> &names,
                   const std::vector<std::vector<int64_t>> &imm) {
  for (size_t i = 0; i < names.size(); ++i) {
    if (isList(names[i]))
      w.varint(imm[i].size());
    for (int64_t v : imm[i])
      w.svarint(v);
  }
}
void put(Writer &w, const PublicInstr &in) {
  const PublicOpInfo &op = info(in.op);
  w.u8(static_cast<uint8_t>(in.op));
  w.varint(in.loc);
  if (hasResult(in.op)) {
    w.u8(static_cast<uint8_t>(in.type.elem));
    putShape(w, in.type.shape);
  }
  if (in.op == PublicOp::Encode) {
    w.f64(in.type.lo);
    w.f64(in.type.hi);
  }
  if (op.operands < 0)
    w.varint(in.in.size());
  for (uint32_t r : in.in)
    w.varint(r);
  putImmediates(w, op.imms, in.imm);
}
void put(Writer &w, const RegInfo &r) {
  w.u8(static_cast<uint8_t>(r.form));
  w.u8(r.ring);
  w.svarint(r.frac);
  w.svarint(r.intBits);
  putShape(w, r.shape);
}
void put(Writer &w, const Instr &in) {
  const PlanOpInfo &op = info(in.op);
  w.u8(static_cast<uint8_t>(in.op));
  w.varint(in.loc);
  if (hasResult(in.op))
    w.varint(in.out);
  if (op.operands < 0)
    w.varint(in.in.size());
  for (Reg r : in.in)
    w.varint(r);
  putImmediates(w, op.imms, in.imm);
}

template <class T>
void putSection(Writer &w, Part part, const std::vector<T> &items) {
  w.u8(static_cast<uint8_t>(part));
  size_t at = w.size();
  w.u32(0);
  w.varint(items.size());
  for (const T &item : items)
    put(w, item);
  w.patchU32(at, static_cast<uint32_t>(w.size() - at - 4));
}

// --- decoding ---------------------------------------------------------------

core::Shape getShape(Reader &r) {
  size_t start = r.offset();
  core::Shape shape(r.count());
  if (shape.size() > kMaxRank) {
    r.failAt(start, fmt::format("rank {} exceeds {}", shape.size(), kMaxRank));
    return {};
  }
  for (int64_t &d : shape) {
    start = r.offset();
    uint64_t v = r.varint();
    if (v > static_cast<uint64_t>(kMaxElements))
      r.failAt(start, fmt::format("size {} exceeds 2^36", v));
    d = static_cast<int64_t>(v);
  }
  return r.ok() ? shape : core::Shape{};
}

int16_t getI16(Reader &r) {
  size_t start = r.offset();
  int64_t v = r.svarint();
  if (v != static_cast<int16_t>(v))
    r.failAt(start, fmt::format("number {} exceeds 16 bits", v));
  return static_cast<int16_t>(v);
}

uint32_t getU32(Reader &r) {
  size_t start = r.offset();
  uint64_t v = r.varint();
  if (v != static_cast<uint32_t>(v))
    r.failAt(start, fmt::format("number {} exceeds 32 bits", v));
  return static_cast<uint32_t>(v);
}

core::DType getDType(Reader &r) {
  size_t start = r.offset();
  uint8_t v = r.u8();
  if (v > static_cast<uint8_t>(core::DType::F64)) {
    r.failAt(start, fmt::format("unknown dtype {}", v));
    return core::DType::F32;
  }
  return static_cast<core::DType>(v);
}

void get(Reader &r, std::string &s) { s = r.string(kNameLimit); }
void get(Reader &r, InputInfo &i) {
  i.name = r.string(kNameLimit);
  i.dtype = getDType(r);
  i.shape = getShape(r);
  i.ring = r.u8();
  i.frac = getI16(r);
  i.lo = r.f64();
  i.hi = r.f64();
}
void get(Reader &r, BoundInfo &b) {
  b.name = r.string(kNameLimit);
  b.dtype = getDType(r);
  b.shape = getShape(r);
  std::span<const uint8_t> d = r.bytes(b.sha256.size());
  if (!d.empty())
    std::memcpy(b.sha256.data(), d.data(), d.size());
}
Form getForm(Reader &r) {
  size_t start = r.offset();
  uint8_t form = r.u8();
  if (form < 1 || form > 4) {
    r.failAt(start, fmt::format("unknown form {}", form));
    return Form::Masked;
  }
  return static_cast<Form>(form);
}
void get(Reader &r, WeightInfo &i) {
  i.name = r.string(kNameLimit);
  i.shape = getShape(r);
  i.ring = r.u8();
  i.frac = getI16(r);
  i.form = getForm(r);
}
void get(Reader &r, OutputInfo &o) {
  o.name = r.string(kNameLimit);
  o.dtype = getDType(r);
  o.shape = getShape(r);
  o.ring = r.u8();
  o.frac = getI16(r);
}
void get(Reader &r, Plan::PublicOutput &o) {
  o.output = getU32(r);
  o.values.resize(r.count(8));
  for (double &v : o.values)
    v = r.f64();
}
void get(Reader &r, ConstInfo &c) {
  c.shape = getShape(r);
  const size_t start = r.offset();
  const uint64_t n = r.varint();
  c.session = n == 0;
  if (n > r.remaining() + 1)
    return r.failAt(start, fmt::format("{} numbers announced, {} bytes left",
                                       n - 1, r.remaining()));
  c.data.resize(n == 0 ? 0 : n - 1);
  for (int64_t &v : c.data)
    v = r.svarint();
}
void get(Reader &r, PublicInputInfo &i) {
  i.name = r.string(kNameLimit);
  i.dtype = getDType(r);
  i.shape = getShape(r);
  i.lo = r.f64();
  i.hi = r.f64();
}
void getImmediates(Reader &r, const std::vector<std::string_view> &names,
                   std::vector<std::vector<int64_t>> &imm) {
  imm.resize(names.size());
  for (size_t i = 0; i < names.size(); ++i) {
    imm[i].resize(isList(names[i]) ? r.count() : 1);
    for (int64_t &v : imm[i])
      v = r.svarint();
  }
}
void get(Reader &r, PublicInstr &in) {
  size_t start = r.offset();
  uint8_t opcode = r.u8();
  const PublicOpInfo *op = findPublicOp(opcode);
  if (!op) {
    r.failAt(start, fmt::format("unknown opcode {:#04x} of the public section",
                                opcode));
    in.op = PublicOp::Let;
    return;
  }
  in.op = op->op;
  in.loc = getU32(r);
  if (hasResult(in.op)) {
    start = r.offset();
    const uint8_t elem = r.u8();
    if (elem > static_cast<uint8_t>(PublicElem::Bool))
      r.failAt(start, fmt::format("unknown element type {}", elem));
    else
      in.type.elem = static_cast<PublicElem>(elem);
    in.type.shape = getShape(r);
  }
  if (in.op == PublicOp::Encode) {
    in.type.lo = r.f64();
    in.type.hi = r.f64();
  }
  in.in.resize(op->operands < 0 ? r.count() : size_t(op->operands));
  for (uint32_t &reg : in.in)
    reg = getU32(r);
  getImmediates(r, op->imms, in.imm);
}
void get(Reader &r, RegInfo &g) {
  g.form = getForm(r);
  g.ring = r.u8();
  g.frac = getI16(r);
  g.intBits = getI16(r);
  g.shape = getShape(r);
}
void get(Reader &r, Instr &in) {
  size_t start = r.offset();
  uint8_t opcode = r.u8();
  const PlanOpInfo *op = findPlanOp(opcode);
  if (!op) {
    r.failAt(start, fmt::format("unknown opcode {:#04x}", opcode));
    in.op = PlanOp::Flush;
    return;
  }
  in.op = op->op;
  in.loc = getU32(r);
  if (hasResult(in.op))
    in.out = getU32(r);
  in.in.resize(op->operands < 0 ? r.count() : size_t(op->operands));
  for (Reg &reg : in.in)
    reg = getU32(r);
  getImmediates(r, op->imms, in.imm);
}

/// Where each item of each part starts, for the verifier's complaints.
using Offsets = std::array<std::vector<size_t>, kParts>;

template <class T>
Status getSection(Reader &file, Part part, std::vector<T> &items,
                  Offsets &offsets) {
  size_t start = file.offset();
  uint8_t tag = file.u8();
  if (file.ok() && tag != static_cast<uint8_t>(part))
    file.failAt(start, fmt::format("section {} where {} ({}) belongs", tag,
                                   static_cast<int>(part), name(part)));
  uint32_t size = file.u32();
  size_t base = file.offset();
  Reader r(file.bytes(size), base);
  MPC_TRY(file.status());
  std::vector<size_t> &at = offsets[static_cast<size_t>(part)];
  size_t n = r.count();
  for (size_t i = 0; i < n && r.ok(); ++i) {
    at.push_back(r.offset());
    // One at a time: an item in memory is larger than the byte that might
    // announce it.
    items.emplace_back();
    get(r, items.back());
  }
  return r.finish();
}

} // namespace

std::vector<uint8_t> Plan::encode() const {
  Writer w;
  for (char c : kMagic)
    w.u8(static_cast<uint8_t>(c));
  w.u32(kPlanVersion);
  w.u64(0); // patched below
  putSection(w, Part::Header, std::vector<std::string>{name});
  putSection(w, Part::Location, locations);
  putSection(w, Part::Input, inputs);
  putSection(w, Part::Bound, bound);
  putSection(w, Part::Weight, weights);
  putSection(w, Part::Output, outputs);
  putSection(w, Part::PublicOutput, publicOutputs);
  putSection(w, Part::Const, consts);
  putSection(w, Part::PublicInput, open.inputs);
  putSection(w, Part::PublicInstr, open.code);
  putSection(w, Part::Reg, regs);
  putSection(w, Part::Instr, code);
  uint64_t total = w.size() + kDigestBytes;
  w.patchU32(12, static_cast<uint32_t>(total));
  w.patchU32(16, static_cast<uint32_t>(total >> 32));
  core::Digest digest = core::sha256(w.view());
  w.bytes(digest);
  return w.take();
}

Result<Plan> Plan::decode(std::span<const uint8_t> bytes) {
  Reader head(bytes);
  std::span<const uint8_t> magic = head.bytes(kMagic.size());
  if (head.ok() && std::memcmp(magic.data(), kMagic.data(), magic.size()) != 0)
    return Error{"byte 0x0: not a plan: it does not start with MPCCPLAN"};
  uint32_t version = head.u32();
  if (head.ok() && version != kPlanVersion)
    return Error{fmt::format("byte 0x8: plan version {}, this program reads "
                             "version {}",
                             version, kPlanVersion)};
  uint64_t total = head.u64();
  MPC_TRY(head.status());
  if (total > bytes.size())
    return Error{fmt::format("byte {:#x}: ends early: {} of {} bytes",
                             bytes.size(), bytes.size(), total)};
  if (total < bytes.size() || total < kHeaderBytes + kDigestBytes)
    return Error{fmt::format("byte 0xc: the header says {} bytes, the file "
                             "has {}",
                             total, bytes.size())};
  size_t bodyEnd = bytes.size() - kDigestBytes;
  core::Digest digest = core::sha256(bytes.first(bodyEnd));
  if (std::memcmp(digest.data(), bytes.data() + bodyEnd, digest.size()) != 0)
    return Error{fmt::format("byte {:#x}: wrong checksum: the file is damaged",
                             bodyEnd)};

  Reader r(bytes.first(bodyEnd).subspan(kHeaderBytes), kHeaderBytes);
  Plan p;
  Offsets at;
  std::vector<std::string> names;
  MPC_TRY(getSection(r, Part::Header, names, at));
  MPC_TRY(getSection(r, Part::Location, p.locations, at));
  MPC_TRY(getSection(r, Part::Input, p.inputs, at));
  MPC_TRY(getSection(r, Part::Bound, p.bound, at));
  MPC_TRY(getSection(r, Part::Weight, p.weights, at));
  MPC_TRY(getSection(r, Part::Output, p.outputs, at));
  MPC_TRY(getSection(r, Part::PublicOutput, p.publicOutputs, at));
  MPC_TRY(getSection(r, Part::Const, p.consts, at));
  MPC_TRY(getSection(r, Part::PublicInput, p.open.inputs, at));
  MPC_TRY(getSection(r, Part::PublicInstr, p.open.code, at));
  MPC_TRY(getSection(r, Part::Reg, p.regs, at));
  MPC_TRY(getSection(r, Part::Instr, p.code, at));
  MPC_TRY(r.finish());
  if (names.size() != 1)
    return Error{fmt::format("byte {:#x}: {} names for one plan", kHeaderBytes,
                             names.size())};
  p.name = std::move(names[0]);
  if (std::optional<Complaint> c = check(p)) {
    const std::vector<size_t> &where = at[static_cast<size_t>(c->part)];
    size_t byte = c->index < where.size() ? where[c->index] : kHeaderBytes;
    return Error{fmt::format("byte {:#x}: {}", byte, c->message)};
  }
  return p;
}

} // namespace mpc::plan
