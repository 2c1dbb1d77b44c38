//===- runtime/plan/Weights.cpp - the owner's encoded weights -------------===//
//
//   "MPCCWGTS"  u32 version  u64 bytes of the whole file  32-byte plan hash
//   each tensor: u64 elements  u8 bytes each  the elements, little endian
//   SHA-256 of all bytes before it
//
// An element takes as many bytes as the tensor's largest. The file is private:
// mode 0600.
//
//===----------------------------------------------------------------------===//
#include "runtime/core/ByteStream.h"
#include "runtime/core/File.h"
#include "runtime/core/Ring.h"
#include "runtime/plan/Plan.h"
#include "runtime/plan/WeightsFile.h"

#include <cassert>
#include <cstring>
#include <fmt/format.h>

namespace mpc::plan {
namespace {

constexpr std::string_view kMagic = "MPCCWGTS";
constexpr uint32_t kVersion = 1;
constexpr size_t kHeaderBytes = 8 + 4 + 8 + sizeof(core::Digest);
constexpr size_t kDigestBytes = sizeof(core::Digest);
constexpr size_t kChunk = size_t{1} << 20; ///< elements written at a time

constexpr size_t kTensorHeader = 8 + 1;

size_t elementBytes(unsigned bits) { return std::max(1u, (bits + 7) / 8); }

size_t elementBytes(const std::vector<uint64_t> &x) {
  uint64_t any = 0;
  for (uint64_t v : x)
    any |= v;
  return elementBytes(core::bitWidth(any));
}

} // namespace

Status Weights::save(const std::string &path) const {
  uint64_t total = kHeaderBytes + kDigestBytes;
  for (const std::vector<uint64_t> &x : tensors)
    total += kTensorHeader + x.size() * elementBytes(x);
  Result<core::AtomicFile> file = core::AtomicFile::create(path, 0600);
  if (!file)
    return file.error();
  core::Sha256 sum;
  auto write = [&](std::span<const uint8_t> bytes) {
    sum.update(bytes);
    return file->write(bytes);
  };
  core::Writer head;
  head.bytes({reinterpret_cast<const uint8_t *>(kMagic.data()), kMagic.size()});
  head.u32(kVersion);
  head.u64(total);
  head.bytes(planHash);
  MPC_TRY(write(head.view()));
  std::vector<uint8_t> chunk;
  for (const std::vector<uint64_t> &x : tensors) {
    size_t each = elementBytes(x);
    core::Writer tensor;
    tensor.u64(x.size());
    tensor.u8(static_cast<uint8_t>(each));
    MPC_TRY(write(tensor.view()));
    for (size_t begin = 0; begin < x.size(); begin += kChunk) {
      size_t n = std::min(kChunk, x.size() - begin);
      chunk.resize(n * each);
      for (size_t i = 0; i < n; ++i)
        for (size_t b = 0; b < each; ++b)
          chunk[i * each + b] = static_cast<uint8_t>(x[begin + i] >> (8 * b));
      MPC_TRY(write(chunk));
    }
  }
  MPC_TRY(file->write(sum.finish()));
  return file->commit();
}

Error WeightsFile::fail(const std::string &what) const {
  return Error{fmt::format("{}: {}", file_.path(), what)};
}

Result<WeightsFile> WeightsFile::open(const std::string &path,
                                      const Plan &plan) {
  auto file = core::FileReader::open(path);
  if (!file)
    return file.error();
  WeightsFile w(std::move(*file));
  w.infos_ = plan.weights;
  MPC_TRY(w.checkHeader(plan));
  MPC_TRY(w.checkSum());
  MPC_TRY(w.readEntries(plan));
  return w;
}

Status WeightsFile::checkHeader(const Plan &plan) {
  std::vector<uint8_t> bytes(std::min<uint64_t>(file_.size(), kHeaderBytes));
  MPC_TRY(file_.readAt(0, bytes));
  if (bytes.size() < kMagic.size() ||
      std::memcmp(bytes.data(), kMagic.data(), kMagic.size()) != 0)
    return fail("not a weights file: it does not start with MPCCWGTS");
  core::Reader r{std::span<const uint8_t>(bytes).subspan(kMagic.size()),
                 kMagic.size()};
  const uint32_t version = r.u32();
  const uint64_t total = r.u64();
  const std::span<const uint8_t> hash = r.bytes(kDigestBytes);
  if (!r.ok())
    return fail(r.status().error().message);
  if (version != kVersion)
    return fail(fmt::format("weights version {}, this program reads version {}",
                            version, kVersion));
  if (total > file_.size())
    return fail(fmt::format("byte {:#x}: ends early: {} of {} bytes",
                            file_.size(), file_.size(), total));
  const core::Digest want = plan.hash();
  if (!std::equal(hash.begin(), hash.end(), want.begin()))
    return fail(fmt::format("these weights belong to another plan: they name "
                            "plan {}, this one is {}",
                            core::hex(hash).substr(0, 16),
                            core::hex(want).substr(0, 16)));
  if (total != file_.size() || total < kHeaderBytes + kDigestBytes)
    return fail(fmt::format("the header says {} bytes, the file has {}", total,
                            file_.size()));
  return {};
}

Status WeightsFile::checkSum() {
  const uint64_t end = file_.size() - kDigestBytes;
  core::SecretVector<uint8_t> piece(kChunk);
  core::Sha256 sum;
  for (uint64_t at = 0; at < end; at += kChunk) {
    const std::span<uint8_t> bytes =
        piece.span().first(std::min<uint64_t>(kChunk, end - at));
    MPC_TRY(file_.readAt(at, bytes));
    sum.update(bytes);
  }
  core::Digest stored;
  MPC_TRY(file_.readAt(end, stored));
  digest_ = sum.finish();
  if (digest_ != stored)
    return fail("wrong checksum: the file is damaged");
  return {};
}

Status WeightsFile::readEntries(const Plan &plan) {
  const uint64_t end = file_.size() - kDigestBytes;
  uint64_t at = kHeaderBytes;
  for (const WeightInfo &i : plan.weights) {
    std::vector<uint8_t> head(std::min<uint64_t>(kTensorHeader, end - at));
    MPC_TRY(file_.readAt(at, head));
    core::Reader r(head, at);
    Entry e{at + kTensorHeader, r.u64(), r.u8()};
    if (r.ok() && e.elements != static_cast<uint64_t>(core::numel(i.shape)))
      return fail(fmt::format("weight '{}' has {} elements, the plan's shape "
                              "is {}",
                              i.name, e.elements, core::toString(i.shape)));
    if (r.ok() && (e.elementBytes < 1 || e.elementBytes > elementBytes(i.ring)))
      return fail(fmt::format("weight '{}' takes {} bytes an element, its ring "
                              "has {} bits",
                              i.name, e.elementBytes, i.ring));
    if (!r.ok())
      return fail(r.status().error().message);
    // At most 2^36 elements of 8 bytes: the plan has been verified.
    const uint64_t size = e.elements * e.elementBytes;
    if (size > end - e.offset)
      return fail(fmt::format("byte {:#x}: ends early: {} bytes wanted, {} "
                              "left",
                              e.offset, size, end - e.offset));
    entries_.push_back(e);
    at = e.offset + size;
  }
  if (at != end)
    return fail(
        fmt::format("byte {:#x}: {} bytes are left over", at, end - at));
  return {};
}

Status WeightsFile::read(size_t i, uint64_t first,
                         std::span<uint64_t> out) const {
  const Entry &e = entries_[i];
  assert(first + out.size() <= e.elements);
  const size_t each = e.elementBytes;
  // Every element is loaded as eight bytes.
  constexpr size_t kPadding = 8, kPiece = size_t{1} << 13;
  core::SecretVector<uint8_t> bytes(kPiece * each + kPadding);
  const uint64_t mask = core::ringMask(static_cast<unsigned>(8 * each));
  uint64_t any = 0;
  for (uint64_t *to = out.data(), left = out.size(); left > 0;) {
    const size_t n = std::min<uint64_t>(kPiece, left);
    MPC_TRY(
        file_.readAt(e.offset + first * each, bytes.span().first(n * each)));
    for (size_t k = 0; k < n; ++k) {
      uint64_t v;
      std::memcpy(&v, bytes.data() + k * each, sizeof v);
      any |= to[k] = v & mask;
    }
    to += n;
    first += n;
    left -= n;
  }
  if (any != core::reduce(any, infos_[i].ring))
    return fail(fmt::format("weight '{}' has an element beyond its ring of {} "
                            "bits",
                            infos_[i].name, infos_[i].ring));
  return {};
}

Result<core::SecretVector<uint64_t>> WeightsFile::tensor(size_t i) const {
  core::SecretVector<uint64_t> out(entries_[i].elements);
  MPC_TRY(read(i, 0, out.span()));
  return out;
}

Result<Weights> Weights::load(const std::string &path, const Plan &plan) {
  auto file = WeightsFile::open(path, plan);
  if (!file)
    return file.error();
  Weights w{plan.hash(), {}};
  for (size_t i = 0; i < file->count(); ++i) {
    auto tensor = file->tensor(i);
    if (!tensor)
      return tensor.error();
    w.tensors.emplace_back(tensor->begin(), tensor->end());
  }
  return w;
}

} // namespace mpc::plan
