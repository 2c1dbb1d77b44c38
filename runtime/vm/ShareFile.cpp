//===- runtime/vm/ShareFile.cpp -------------------------------------------===//
#include "runtime/vm/ShareFile.h"

#include "runtime/core/ByteStream.h"
#include "runtime/core/Ring.h"
#include "runtime/vm/MaskWeights.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fmt/format.h>
#include <optional>

namespace mpc::vm {
namespace {

using core::Digest;
using core::SecretVector;
using crypto::Key128;

constexpr std::string_view kMagic = "MPCCSHAR";
constexpr uint32_t kVersion = 1;
constexpr size_t kAlign = 64;
constexpr size_t kKeysAt = 8 + 4 + 4 + 8 + 2 * sizeof(Digest);
constexpr size_t kHeaderBytes = kKeysAt + 2 * Key128::kBytes;

std::span<const uint8_t> bytesOf(std::string_view s) {
  return {reinterpret_cast<const uint8_t *>(s.data()), s.size()};
}

uint64_t aligned(uint64_t n) { return (n + kAlign - 1) / kAlign * kAlign; }

size_t packedSize(const plan::WeightInfo &w) {
  return core::packedBytes(static_cast<size_t>(core::numel(w.shape)), w.ring);
}

uint64_t fileBytes(const plan::Plan &plan, int party) {
  uint64_t total = aligned(kHeaderBytes);
  if (party != 0)
    for (const plan::WeightInfo &w : plan.weights)
      total += aligned(packedSize(w));
  return total + sizeof(Digest);
}

/// A file and the hash of what was written to it.
class Out {
public:
  static Result<Out> create(const std::string &path) {
    auto file = core::AtomicFile::create(path, 0600);
    if (!file)
      return file.error();
    return Out(std::move(*file));
  }
  Status write(std::span<const uint8_t> bytes) {
    sum_.update(bytes);
    return file_.write(bytes);
  }
  Status pad() {
    const std::array<uint8_t, kAlign> zeros = {};
    return write(std::span(zeros).first(aligned(file_.size()) - file_.size()));
  }
  Status finish() { return file_.write(sum_.finish()); }
  Status commit() { return file_.commit(); }

private:
  explicit Out(core::AtomicFile file) : file_(std::move(file)) {}
  core::AtomicFile file_;
  core::Sha256 sum_;
};

Status writeHeader(Out &out, const plan::Plan &plan, int party,
                   const Digest &planHash, const DeploymentId &id,
                   const Key128 *first, const Key128 *second) {
  core::Writer w;
  w.bytes(bytesOf(kMagic));
  w.u32(kVersion);
  w.u32(static_cast<uint32_t>(party));
  w.u64(fileBytes(plan, party));
  w.bytes(planHash);
  w.bytes(id);
  MPC_TRY(out.write(w.view()));
  const std::array<uint8_t, Key128::kBytes> none = {};
  MPC_TRY(out.write(first ? std::span<const uint8_t>(first->bytes()) : none));
  MPC_TRY(out.write(second ? std::span<const uint8_t>(second->bytes()) : none));
  return out.pad();
}

Result<DeploymentId> freshId(const Digest &planHash, const Digest &weights) {
  Digest nonce;
  MPC_TRY(crypto::osRandom(nonce));
  const Digest id = core::Sha256()
                        .update(bytesOf("mpcc-deployment-v1"))
                        .update(nonce)
                        .update(planHash)
                        .update(weights)
                        .finish();
  core::wipe(nonce.data(), nonce.size());
  return id;
}

/// A share file being read; its hash is checked by finish().
class In {
public:
  static Result<In> open(const plan::Plan &plan, int party,
                         const std::string &path) {
    auto file = core::FileReader::open(path);
    if (!file)
      return file.error();
    In in(std::move(*file));
    MPC_TRY(in.header(plan, party));
    return in;
  }

  Status read(std::span<uint8_t> out) {
    MPC_TRY(file_.readAt(at_, out));
    at_ += out.size();
    sum_.update(out);
    return {};
  }
  Status skipPadding() {
    std::array<uint8_t, kAlign> zeros;
    return read(std::span(zeros).first(aligned(at_) - at_));
  }
  Result<crypto::Prg> key() {
    SecretVector<uint8_t> k(Key128::kBytes);
    MPC_TRY(read(k.span()));
    return crypto::Prg(Key128(
        std::span<const uint8_t, Key128::kBytes>(k.data(), Key128::kBytes)));
  }
  Status finish() {
    Digest stored;
    MPC_TRY(file_.readAt(at_, stored));
    if (sum_.finish() != stored)
      return fail("wrong checksum: the file is damaged");
    return {};
  }
  DeploymentId id = {};

private:
  explicit In(core::FileReader file) : file_(std::move(file)) {}

  Error fail(const std::string &what) const {
    return Error{fmt::format("{}: {}", file_.path(), what)};
  }

  Status header(const plan::Plan &plan, int party) {
    std::vector<uint8_t> bytes(kKeysAt);
    if (file_.size() < kHeaderBytes)
      return fail("not a share file: too short");
    MPC_TRY(read(bytes));
    if (!std::equal(kMagic.begin(), kMagic.end(), bytes.begin()))
      return fail("not a share file: it does not start with MPCCSHAR");
    core::Reader r{std::span<const uint8_t>(bytes).subspan(kMagic.size()),
                   kMagic.size()};
    const uint32_t version = r.u32(), whose = r.u32();
    const uint64_t total = r.u64();
    const auto hash = r.bytes(sizeof(Digest));
    r.fill(id);
    if (version != kVersion)
      return fail(fmt::format("share version {}, this program reads version "
                              "{}",
                              version, kVersion));
    if (whose != static_cast<uint32_t>(party))
      return fail(fmt::format("this is the share of party {}, not of party {}",
                              whose, party));
    const Digest want = plan.hash();
    if (!std::ranges::equal(hash, want))
      return fail(fmt::format("this share belongs to another plan: it names "
                              "plan {}, this one is {}",
                              core::hex(hash).substr(0, 16),
                              core::hex(want).substr(0, 16)));
    if (total != file_.size() || total != fileBytes(plan, party))
      return fail(fmt::format("{} bytes, the header says {}, the plan needs {}",
                              file_.size(), total, fileBytes(plan, party)));
    return {};
  }

  core::FileReader file_;
  core::Sha256 sum_;
  uint64_t at_ = 0;
};

} // namespace

std::string sharePath(const std::string &dir, int party) {
  return (std::filesystem::path(dir) / fmt::format("p{}.share", party))
      .string();
}

Result<DeploymentId> writeShares(const plan::Plan &plan,
                                 const plan::WeightsFile *weights,
                                 const std::string &dir) {
  if ((weights ? weights->count() : 0) != plan.weights.size())
    return Error{"the plan has weights, and there are none"};
  std::error_code ec;
  std::filesystem::create_directories(dir, ec);
  if (ec)
    return Error{fmt::format("{}: {}", dir, ec.message())};
  Result<Key128> d01 = Key128::random(), d02 = Key128::random();
  if (!d01)
    return d01.error();
  if (!d02)
    return d02.error();
  const Digest planHash = plan.hash();
  auto id = freshId(planHash, weights ? weights->digest() : Digest{});
  if (!id)
    return id.error();

  std::array<std::optional<Out>, 3> out;
  for (int party = 0; party < 3; ++party) {
    auto file = Out::create(sharePath(dir, party));
    if (!file)
      return file.error();
    Out &o = out[static_cast<size_t>(party)].emplace(std::move(*file));
    MPC_TRY(writeHeader(o, plan, party, planHash, *id,
                        party == 2 ? &*d02 : &*d01,
                        party == 0 ? &*d02 : nullptr));
  }
  const crypto::Prg mask1(std::move(*d01)), mask2(std::move(*d02));
  for (size_t w = 0; w < plan.weights.size(); ++w) {
    Out &p1 = *out[1], &p2 = *out[2];
    MPC_TRY(maskWeight(plan.weights[w], w, readFrom(*weights), mask1, mask2,
                       [&](std::span<const uint8_t> wire) -> Status {
                         MPC_TRY(p1.write(wire));
                         return p2.write(wire);
                       }));
    MPC_TRY(p1.pad());
    MPC_TRY(p2.pad());
  }
  for (auto &o : out)
    MPC_TRY(o->finish());
  for (auto &o : out)
    MPC_TRY(o->commit());
  return *id;
}

Result<DealerShare> loadDealerShare(const plan::Plan &plan,
                                    const std::string &path) {
  auto in = In::open(plan, 0, path);
  if (!in)
    return in.error();
  auto d01 = in->key();
  if (!d01)
    return d01.error();
  auto d02 = in->key();
  if (!d02)
    return d02.error();
  MPC_TRY(in->skipPadding());
  MPC_TRY(in->finish());
  return DealerShare{{std::move(*d01), std::move(*d02)}, in->id};
}

Result<EvaluatorShare> loadEvaluatorShare(const plan::Plan &plan, int party,
                                          const std::string &path) {
  auto in = In::open(plan, party, path);
  if (!in)
    return in.error();
  auto d0 = in->key();
  if (!d0)
    return d0.error();
  SecretVector<uint8_t> none(Key128::kBytes);
  MPC_TRY(in->read(none.span()));
  MPC_TRY(in->skipPadding());
  EvaluatorShare share{{std::move(*d0), {}}, in->id};
  for (const plan::WeightInfo &w : plan.weights) {
    auto &masked = share.deployment.masked.emplace_back(packedSize(w));
    MPC_TRY(in->read({masked.data(), masked.size()}));
    MPC_TRY(in->skipPadding());
  }
  MPC_TRY(in->finish());
  return share;
}

} // namespace mpc::vm
