#include "runtime/material/MaterialFile.h"
#include "tests/unit/core/TempDir.h"

#include <fstream>
#include <random>

using namespace mpc;
using namespace mpc::material;
using Bytes = std::vector<uint8_t>;

namespace {

MaterialId someId() {
  MaterialId id;
  id.plan.fill(3);
  id.session.fill(7);
  id.party = 2;
  return id;
}

Bytes randomBytes(size_t n) {
  std::mt19937 gen(5);
  Bytes b(n);
  for (uint8_t &v : b)
    v = static_cast<uint8_t>(gen());
  return b;
}

/// Sizes of the calls: small, odd, crossing chunks.
const std::vector<size_t> kCalls = {
    1, 0, 31, kChunkBytes - 40, 17, 2 * kChunkBytes + 5, 3, kChunkBytes, 12345};

size_t total() {
  size_t n = 0;
  for (size_t c : kCalls)
    n += c;
  return n;
}

Status writeAll(const std::string &path, const Bytes &data,
                ChunkSeal *seal = nullptr) {
  auto w = MaterialWriter::create(path, someId(), data.size(), seal);
  if (!w)
    return w.error();
  std::span<const uint8_t> rest = data;
  for (size_t n : kCalls) {
    MPC_TRY(w->put(rest.first(n)));
    rest = rest.subspan(n);
  }
  return w->commit();
}

Status readAll(const std::string &path, const Bytes &data,
               ChunkSeal *seal = nullptr) {
  auto r = MaterialReader::open(path, seal);
  if (!r)
    return r.error();
  CHECK(r->id() == someId());
  size_t at = 0;
  for (size_t n : kCalls) {
    CHECK(r->bytesLeft() == data.size() - at);
    auto got = r->take(n);
    if (!got)
      return got.error();
    REQUIRE(got->size() == n);
    CHECK(std::equal(got->begin(), got->end(), data.begin() + at));
    at += n;
  }
  CHECK(r->bytesLeft() == 0);
  auto more = r->take(1);
  REQUIRE_FALSE(more);
  CHECK(more.error().message.find("0 bytes of material are left, 1 are "
                                  "needed") != std::string::npos);
  return {};
}

/// Not encryption: shows what a seal is given.
class XorSeal final : public ChunkSeal {
public:
  Status seal(const core::Digest &header, uint64_t chunk,
              std::span<uint8_t> bytes, Tag &tag) override {
    for (uint8_t &b : bytes)
      b ^= 0x5a;
    tag.fill(static_cast<uint8_t>(header[0] + chunk + bytes[0]));
    return {};
  }
  bool open(const core::Digest &header, uint64_t chunk,
            std::span<const uint8_t> sealed, const Tag &tag,
            std::span<uint8_t> plain) override {
    Tag want;
    want.fill(static_cast<uint8_t>(header[0] + chunk + sealed[0]));
    for (size_t i = 0; i < sealed.size(); ++i)
      plain[i] = sealed[i] ^ 0x5a;
    return tag == want;
  }
};

void overwrite(const std::string &path, size_t at, char add) {
  std::fstream f(path, std::ios::in | std::ios::out | std::ios::binary);
  f.seekg(static_cast<std::streamoff>(at));
  const char c = static_cast<char>(f.get());
  f.seekp(static_cast<std::streamoff>(at));
  f.put(static_cast<char>(c + add));
}

} // namespace

TEST_CASE("what was put is taken, in other pieces too", "[material]") {
  TempDir dir;
  const std::string path = dir.file("m");
  const Bytes data = randomBytes(total());
  REQUIRE(writeAll(path, data));
  CHECK(dir.entries() == 1); // no temporary left
  REQUIRE(readAll(path, data));
  auto whole = MaterialReader::open(path);
  REQUIRE(whole);
  auto got = whole->take(data.size());
  REQUIRE(got);
  CHECK(std::equal(got->begin(), got->end(), data.begin(), data.end()));
}

TEST_CASE("a seal protects every chunk", "[material]") {
  TempDir dir;
  const std::string path = dir.file("m");
  const Bytes data = randomBytes(total());
  XorSeal seal;
  REQUIRE(writeAll(path, data, &seal));
  REQUIRE(readAll(path, data, &seal));
  // Nothing of the plain bytes is in the file.
  std::ifstream in(path, std::ios::binary);
  const Bytes file((std::istreambuf_iterator<char>(in)), {});
  CHECK(std::search(file.begin(), file.end(), data.begin(),
                    data.begin() + 16) == file.end());
  const Status plain = readAll(path, data);
  REQUIRE_FALSE(plain);
  CHECK(plain.error().message.find("damaged") != std::string::npos);
}

TEST_CASE("every damaged byte is found before it is used", "[material]") {
  TempDir dir;
  const Bytes data = randomBytes(total());
  for (size_t at : {size_t{0}, size_t{8}, size_t{13}, size_t{17}, size_t{30},
                    size_t{40}, size_t{70}, size_t{100}, kPayloadOffset,
                    kPayloadOffset + kChunkBytes, kPayloadOffset + total() - 1,
                    kPayloadOffset + total(), kPayloadOffset + total() + 20}) {
    INFO("byte " << at);
    const std::string path = dir.file("m" + std::to_string(at));
    REQUIRE(writeAll(path, data));
    overwrite(path, at, 1);
    const Status s = readAll(path, data);
    REQUIRE_FALSE(s);
    CHECK(s.error().message.find(path) == 0);
  }
}

TEST_CASE("a file that was cut, or grew, is refused", "[material]") {
  TempDir dir;
  const Bytes data = randomBytes(total());
  const std::string path = dir.file("m");
  REQUIRE(writeAll(path, data));
  const auto size = std::filesystem::file_size(path);
  for (uintmax_t cut : {uintmax_t{0}, uintmax_t{8}, uintmax_t{4095},
                        uintmax_t{5000}, size - 1, size + 1}) {
    std::filesystem::resize_file(path, size);
    std::filesystem::resize_file(path, cut);
    CHECK_FALSE(MaterialReader::open(path));
  }
  CHECK_FALSE(MaterialReader::open(dir.file("absent")));
}

TEST_CASE("the payload has the size that was announced", "[material]") {
  TempDir dir;
  const std::string path = dir.file("m");
  const Bytes data(10, 1);
  {
    auto w = MaterialWriter::create(path, someId(), 15);
    REQUIRE(w);
    REQUIRE(w->put(data));
    CHECK_FALSE(w->commit());
  }
  {
    auto w = MaterialWriter::create(path, someId(), 9);
    REQUIRE(w);
    CHECK_FALSE(w->put(data));
  }
  CHECK(dir.entries() == 0); // nothing half-written
  auto w = MaterialWriter::create(path, someId(), 0);
  REQUIRE(w);
  REQUIRE(w->commit());
  auto r = MaterialReader::open(path);
  REQUIRE(r);
  CHECK(r->bytesLeft() == 0);
}

TEST_CASE("a failing source leaves no file", "[material]") {
  TempDir dir;
  {
    auto w = MaterialWriter::create(dir.file("m"), someId(), 100);
    REQUIRE(w);
    const Status s = w->put(
        100, [](std::span<uint8_t>) -> Status { return Error{"peer left"}; });
    REQUIRE_FALSE(s);
    CHECK(s.error().message == "peer left");
  }
  CHECK(dir.entries() == 0);
}
