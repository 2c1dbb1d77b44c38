//===- tests/fuzz/Files.cpp - any bytes as a file of a party --------------===//
//
// The first byte chooses: a share file, a file of offline material, or
// parties.toml. Headers and checksums of the first two are made right here half
// of the time, or the fuzzer would never get past them; the rest is the input.
//
//===----------------------------------------------------------------------===//
#include "runtime/core/ByteStream.h"
#include "runtime/material/MaterialFile.h"
#include "runtime/service/Config.h"
#include "runtime/vm/ShareFile.h"

#include <cstdlib>
#include <string>
#include <sys/mman.h>
#include <unistd.h>

using namespace mpc;

namespace {

/// A file in memory, by a path.
class MemoryFile {
public:
  explicit MemoryFile(std::span<const uint8_t> bytes)
      : fd_(::memfd_create("fuzz", MFD_CLOEXEC)) {
    if (fd_ < 0 || ::write(fd_, bytes.data(), bytes.size()) !=
                       static_cast<ssize_t>(bytes.size()))
      std::abort();
  }
  MemoryFile(const MemoryFile &) = delete;
  ~MemoryFile() { ::close(fd_); }
  std::string path() const { return "/proc/self/fd/" + std::to_string(fd_); }

private:
  int fd_;
};

const plan::Plan &samplePlan() {
  static const plan::Plan plan = [] {
    plan::Plan p;
    p.name = "fuzz";
    p.weights.push_back({"w", {7, 3}, 21, 8});
    p.locations = {""};
    return p;
  }();
  return plan;
}

void shareFile(std::span<const uint8_t> bytes, bool repaired) {
  std::vector<uint8_t> file(bytes.begin(), bytes.end());
  if (repaired) {
    core::Writer w;
    for (char c : std::string_view("MPCCSHAR"))
      w.u8(static_cast<uint8_t>(c));
    w.u32(1);
    w.u32(file.empty() ? 0 : file[0] % 3); // whose
    w.u64(file.size() + 56 + sizeof(core::Digest));
    w.bytes(samplePlan().hash());
    w.bytes(bytes);
    const core::Digest sum = core::sha256(w.view());
    w.bytes(sum);
    file = w.take();
  }
  const MemoryFile f(file);
  (void)vm::loadEvaluatorShare(samplePlan(), 1, f.path());
  (void)vm::loadDealerShare(samplePlan(), f.path());
}

void materialFile(std::span<const uint8_t> bytes, bool repaired) {
  std::vector<uint8_t> file(bytes.begin(), bytes.end());
  constexpr size_t kFields = 24; // version, party, chunk and payload sizes
  if (repaired && bytes.size() >= kFields) {
    core::Writer w;
    for (char c : std::string_view("mpccmat\0", 8))
      w.u8(static_cast<uint8_t>(c));
    w.bytes(bytes.first(kFields));
    w.bytes(std::vector<uint8_t>(2 * sizeof(core::Digest)));
    w.bytes(core::sha256(w.view()));
    file = w.take();
    file.resize(material::kPayloadOffset);
    file.insert(file.end(), bytes.begin() + kFields, bytes.end());
  }
  const MemoryFile f(file);
  auto reader = material::MaterialReader::open(f.path());
  if (!reader)
    return;
  for (size_t n = 1; reader->take(std::min<uint64_t>(n, reader->bytesLeft()));)
    if (n *= 3; reader->bytesLeft() == 0)
      return;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0)
    return 0;
  const std::span<const uint8_t> bytes(data + 1, size - 1);
  switch (data[0] % 5) {
  case 0:
    shareFile(bytes, false);
    break;
  case 1:
    shareFile(bytes, true);
    break;
  case 2:
    materialFile(bytes, false);
    break;
  case 3:
    materialFile(bytes, true);
    break;
  default:
    (void)service::Config::parse(
        {reinterpret_cast<const char *>(bytes.data()), bytes.size()}, "fuzz");
  }
  return 0;
}
