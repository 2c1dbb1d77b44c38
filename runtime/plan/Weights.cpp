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

Result<Weights> Weights::load(const std::string &path, const Plan &plan) {
  Result<core::MappedFile> file = core::MappedFile::open(path);
  if (!file)
    return file.error();
  std::span<const uint8_t> bytes = file->bytes();
  auto fail = [&](std::string what) {
    return Error{fmt::format("{}: {}", path, what)};
  };
  if (bytes.size() < kMagic.size() ||
      std::memcmp(bytes.data(), kMagic.data(), kMagic.size()) != 0)
    return fail("not a weights file: it does not start with MPCCWGTS");
  core::Reader r(bytes.subspan(kMagic.size()), kMagic.size());
  uint32_t version = r.u32();
  uint64_t total = r.u64();
  std::span<const uint8_t> hash = r.bytes(kDigestBytes);
  if (!r.ok())
    return fail(r.status().error().message);
  if (version != kVersion)
    return fail(fmt::format("weights version {}, this program reads version {}",
                            version, kVersion));
  if (total > bytes.size())
    return fail(fmt::format("byte {:#x}: ends early: {} of {} bytes",
                            bytes.size(), bytes.size(), total));
  Weights w;
  std::memcpy(w.planHash.data(), hash.data(), hash.size());
  core::Digest want = plan.hash();
  if (w.planHash != want)
    return fail(fmt::format("these weights belong to another plan: they name "
                            "plan {}, this one is {}",
                            core::hex(w.planHash).substr(0, 16),
                            core::hex(want).substr(0, 16)));
  if (total != bytes.size() || total < kHeaderBytes + kDigestBytes)
    return fail(fmt::format("the header says {} bytes, the file has {}", total,
                            bytes.size()));
  size_t end = bytes.size() - kDigestBytes;
  core::Digest sum = core::sha256(bytes.first(end));
  if (std::memcmp(sum.data(), bytes.data() + end, kDigestBytes) != 0)
    return fail("wrong checksum: the file is damaged");
  core::Reader body(bytes.first(end).subspan(kHeaderBytes), kHeaderBytes);
  for (const WeightInfo &i : plan.weights) {
    uint64_t n = body.u64();
    size_t each = body.u8();
    if (body.ok() && n != static_cast<uint64_t>(core::numel(i.shape)))
      return fail(fmt::format("weight '{}' has {} elements, the plan's shape "
                              "is {}",
                              i.name, n, core::toString(i.shape)));
    if (body.ok() && (each < 1 || each > elementBytes(i.ring)))
      return fail(fmt::format("weight '{}' takes {} bytes an element, its ring "
                              "has {} bits",
                              i.name, each, i.ring));
    // n is at most 2^36 and each at most 8: the plan has been verified.
    std::span<const uint8_t> data = body.bytes(n * each);
    if (!body.ok())
      return fail(body.status().error().message);
    std::vector<uint64_t> x(n);
    const uint8_t *at = data.data();
    for (uint64_t &v : x) {
      for (size_t b = 0; b < each; ++b)
        v |= uint64_t{*at++} << (8 * b);
      if (v != core::reduce(v, i.ring))
        return fail(fmt::format("weight '{}' has an element beyond its ring of "
                                "{} bits",
                                i.name, i.ring));
    }
    w.tensors.push_back(std::move(x));
  }
  if (Status s = body.finish(); !s)
    return fail(s.error().message);
  return w;
}

} // namespace mpc::plan
