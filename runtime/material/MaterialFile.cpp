//===- runtime/material/MaterialFile.cpp ----------------------------------===//
#include "runtime/material/MaterialFile.h"

#include "runtime/core/ByteStream.h"

#include <algorithm>
#include <cassert>
#include <fmt/format.h>
#include <xxhash.h>

namespace mpc::material {
namespace {

using core::Digest;

constexpr std::array<uint8_t, 8> kMagic = {'m', 'p', 'c', 'c',
                                           'm', 'a', 't', 0};
constexpr uint32_t kVersion = 2;
/// Magic, version, party, chunk size, payload size, plan, session.
constexpr size_t kHeaderBytes = 8 + 4 + 4 + 8 + 8 + 32 + 32;

std::vector<uint8_t> encodeHeader(const MaterialId &id, uint64_t payload) {
  core::Writer w;
  w.bytes(kMagic);
  w.u32(kVersion);
  w.u32(id.party);
  w.u64(kChunkBytes);
  w.u64(payload);
  w.bytes(id.plan);
  w.bytes(id.session);
  assert(w.size() == kHeaderBytes);
  return w.take();
}

uint64_t chunksOf(uint64_t payload) {
  return payload / kChunkBytes + (payload % kChunkBytes != 0);
}

Tag checksum(std::span<const uint8_t> bytes) {
  const XXH128_hash_t h = XXH3_128bits(bytes.data(), bytes.size());
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, h);
  Tag tag;
  static_assert(sizeof canonical.digest == sizeof tag);
  std::copy_n(canonical.digest, tag.size(), tag.begin());
  return tag;
}

} // namespace

Result<MaterialWriter> MaterialWriter::create(const std::string &path,
                                              const MaterialId &id,
                                              uint64_t payloadBytes,
                                              ChunkSeal *seal) {
  auto file = core::AtomicFile::create(path, 0600);
  if (!file)
    return file.error();
  MaterialWriter w(std::move(*file), payloadBytes, seal);
  std::vector<uint8_t> header = encodeHeader(id, payloadBytes);
  w.header_ = core::sha256(header);
  header.insert(header.end(), w.header_.begin(), w.header_.end());
  header.resize(kPayloadOffset);
  MPC_TRY(w.file_.write(header));
  w.tags_.reserve(chunksOf(payloadBytes) * sizeof(Tag));
  return w;
}

Status MaterialWriter::put(size_t n, const Fill &fill) {
  if (n > left_)
    return Error{
        fmt::format("{} bytes of material more than announced", n - left_)};
  left_ -= n;
  while (n > 0) {
    const size_t piece = std::min(n, chunk_.size() - used_);
    MPC_TRY(fill(chunk_.span().subspan(used_, piece)));
    used_ += piece;
    n -= piece;
    if (used_ == chunk_.size())
      MPC_TRY(endChunk());
  }
  return {};
}

Status MaterialWriter::put(std::span<const uint8_t> bytes) {
  return put(bytes.size(), [&](std::span<uint8_t> to) -> Status {
    std::copy_n(bytes.begin(), to.size(), to.begin());
    bytes = bytes.subspan(to.size());
    return {};
  });
}

Status MaterialWriter::endChunk() {
  const std::span<uint8_t> bytes = chunk_.span().first(used_);
  Tag tag;
  if (seal_)
    MPC_TRY(seal_->seal(header_, tags_.size() / sizeof(Tag), bytes, tag));
  else
    tag = checksum(bytes);
  MPC_TRY(file_.write(bytes));
  tags_.insert(tags_.end(), tag.begin(), tag.end());
  used_ = 0;
  return {};
}

Status MaterialWriter::commit() {
  if (left_ > 0)
    return Error{fmt::format("{} bytes of material are missing", left_)};
  if (used_ > 0)
    MPC_TRY(endChunk());
  MPC_TRY(file_.write(tags_));
  return file_.commit(core::AtomicFile::Sync::No);
}

Result<MaterialReader> MaterialReader::open(const std::string &path,
                                            ChunkSeal *seal) {
  auto file = core::MappedFile::open(path);
  if (!file)
    return file.error();
  const std::span<const uint8_t> bytes = file->bytes();
  const auto bad = [&](std::string_view what) {
    return Error{fmt::format("{}: {}", path, what)};
  };
  if (bytes.size() < kPayloadOffset ||
      !std::equal(kMagic.begin(), kMagic.end(), bytes.begin()))
    return bad("no file of offline material");
  MaterialReader r(path, std::move(*file), seal);
  core::Reader in(bytes.subspan(kMagic.size()), kMagic.size());
  const uint32_t version = in.u32(), party = in.u32();
  const uint64_t chunk = in.u64();
  r.payload_ = in.u64();
  for (Digest *d : {&r.id_.plan, &r.id_.session})
    std::ranges::copy(in.bytes(d->size()), d->begin());
  const std::span<const uint8_t> sum = in.bytes(sizeof(Digest));
  if (version != kVersion)
    return bad(fmt::format("version {} of the format; this program reads {}",
                           version, kVersion));
  r.header_ = core::sha256(bytes.first(kHeaderBytes));
  if (!std::ranges::equal(r.header_, sum))
    return bad("damaged: the header's checksum differs");
  if ((party != 1 && party != 2) || chunk != kChunkBytes)
    return bad("damaged: impossible header");
  r.id_.party = static_cast<uint8_t>(party);
  const uint64_t limit = bytes.size() - kPayloadOffset;
  if (r.payload_ > limit ||
      limit - r.payload_ != chunksOf(r.payload_) * sizeof(Tag))
    return bad("damaged: cut short or too long");
  if (seal)
    r.plain_.allocate(kChunkBytes);
  return r;
}

std::span<const uint8_t> MaterialReader::chunk(uint64_t index) const {
  const uint64_t from = index * kChunkBytes;
  return file_.bytes().subspan(kPayloadOffset + from,
                               std::min(kChunkBytes, payload_ - from));
}

Tag MaterialReader::tag(uint64_t index) const {
  Tag tag;
  std::copy_n(file_.bytes().begin() +
                  static_cast<ptrdiff_t>(kPayloadOffset + payload_ +
                                         index * sizeof(Tag)),
              tag.size(), tag.begin());
  return tag;
}

Error MaterialReader::damaged(uint64_t chunk) const {
  return Error{fmt::format("{}: damaged: the checksum of bytes {} to {} "
                           "differs",
                           path_, kPayloadOffset + chunk * kChunkBytes,
                           kPayloadOffset + chunk * kChunkBytes +
                               this->chunk(chunk).size())};
}

Status MaterialReader::verifyUpTo(uint64_t end) {
  for (; checked_ * kChunkBytes < end; ++checked_)
    if (checksum(chunk(checked_)) != tag(checked_))
      return damaged(checked_);
  return {};
}

Result<std::span<const uint8_t>> MaterialReader::take(size_t n) {
  if (n > bytesLeft())
    return Error{fmt::format("{}: {} bytes of material are left, {} are needed",
                             path_, bytesLeft(), n)};
  const uint64_t from = at_;
  at_ += n;
  if (n == 0)
    return std::span<const uint8_t>{};
  if (!seal_) {
    MPC_TRY(verifyUpTo(at_));
    // What lies before is done with: the mapping need not stay resident.
    file_.dropBefore(kPayloadOffset + from);
    return file_.bytes().subspan(kPayloadOffset + from, n);
  }
  crossing_.reset();
  size_t have = 0;
  for (uint64_t pos = from; have < n;) {
    const uint64_t index = pos / kChunkBytes;
    const size_t offset = pos % kChunkBytes, size = chunk(index).size();
    if (index == checked_) { // the next one
      if (!seal_->open(header_, index, chunk(index), tag(index),
                       plain_.span().first(size)))
        return damaged(index);
      ++checked_;
      file_.dropBefore(kPayloadOffset + index * kChunkBytes);
    }
    const size_t piece = std::min(n - have, size - offset);
    if (piece == n)
      return std::span<const uint8_t>(plain_.span().subspan(offset, n));
    if (crossing_.empty())
      crossing_.allocate(n);
    std::copy_n(plain_.begin() + offset, piece, crossing_.begin() + have);
    have += piece;
    pos += piece;
  }
  return std::span<const uint8_t>(crossing_.span());
}

} // namespace mpc::material
