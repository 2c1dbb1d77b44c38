//===- runtime/plan/WeightsFile.h - the owner's weights, a tensor at a time
//===//
//
// Weights::load() reads all of a .weights file; a WeightsFile checks it once
// and then hands out pieces, so that memory never holds a whole tensor.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/core/File.h"
#include "runtime/core/Secret.h"
#include "runtime/plan/Plan.h"

namespace mpc::plan {

class WeightsFile {
public:
  /// Checks header, plan and checksum. Errors: not a weights file, truncated,
  /// another plan's, checksum.
  static Result<WeightsFile> open(const std::string &path, const Plan &plan);

  size_t count() const { return entries_.size(); }
  /// Elements first, first + 1, ... of tensor i, reduced to the ring of its
  /// WeightInfo.
  Status read(size_t i, uint64_t first, std::span<uint64_t> out) const;
  /// All of it.
  Result<core::SecretVector<uint64_t>> tensor(size_t i) const;
  /// SHA-256 of the file's contents.
  const core::Digest &digest() const { return digest_; }

private:
  struct Entry {
    uint64_t offset, elements;
    size_t elementBytes;
  };
  explicit WeightsFile(core::FileReader file) : file_(std::move(file)) {}
  Error fail(const std::string &what) const;
  Status checkHeader(const Plan &plan);
  Status checkSum();
  Status readEntries(const Plan &plan);

  core::FileReader file_;
  core::Digest digest_ = {};
  std::vector<Entry> entries_;
  std::vector<WeightInfo> infos_;
};

} // namespace mpc::plan
