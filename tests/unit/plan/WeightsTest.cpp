#include "SamplePlan.h"
#include "runtime/core/File.h"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <sys/stat.h>

using namespace mpc;
using namespace mpc::plan;

namespace {

struct TempDir {
  std::string path;
  TempDir() {
    std::string t =
        (std::filesystem::temp_directory_path() / "mpcc-XXXXXX").string();
    REQUIRE(mkdtemp(t.data()) != nullptr);
    path = t;
  }
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
};

Weights weightsFor(const Plan &p) {
  Weights w;
  w.planHash = p.hash();
  for (const WeightInfo &i : p.weights) {
    std::vector<uint64_t> t(static_cast<size_t>(core::numel(i.shape)));
    for (size_t j = 0; j < t.size(); ++j)
      t[j] = (j * 0x9e3779b97f4a7c15) >> (64 - i.ring);
    w.tensors.push_back(t);
  }
  return w;
}

} // namespace

TEST_CASE("weights survive their file", "[plan][weights]") {
  TempDir dir;
  Plan p = sample::make();
  Weights w = weightsFor(p);
  std::string path = dir.path + "/w.weights";
  REQUIRE(w.save(path));
  struct stat st;
  REQUIRE(stat(path.c_str(), &st) == 0);
  CHECK((st.st_mode & 0777) == 0600);
  Result<Weights> r = Weights::load(path, p);
  REQUIRE(r);
  CHECK(r->planHash == w.planHash);
  CHECK(r->tensors == w.tensors);

  Plan other = sample::make(sample::edited("range [-4, 4]", "range [-3, 4]"));
  Result<Weights> bad = Weights::load(path, other);
  REQUIRE_FALSE(bad);
  CHECK(bad.error().message.find("belong to another plan") !=
        std::string::npos);
  CHECK(bad.error().message.find(path) == 0);
}

TEST_CASE("damaged weights files are refused", "[plan][weights]") {
  TempDir dir;
  Plan p = sample::make();
  std::string path = dir.path + "/w.weights";
  REQUIRE(weightsFor(p).save(path));
  std::vector<uint8_t> bytes = *core::readFile(path);
  auto message = [&](const std::vector<uint8_t> &b) {
    REQUIRE(core::writeFile(path, b));
    Result<Weights> r = Weights::load(path, p);
    return r ? std::string() : r.error().message;
  };
  for (size_t n = 0; n < bytes.size(); ++n)
    REQUIRE_FALSE(message({bytes.begin(), bytes.begin() + long(n)}).empty());
  CHECK(message({'x'}).find("not a weights file") != std::string::npos);
  std::vector<uint8_t> b = bytes;
  b[8] = 2;
  CHECK(message(b).find("weights version 2") != std::string::npos);
  b = bytes;
  b[70] ^= 1;
  CHECK(message(b).find("wrong checksum") != std::string::npos);
  b = bytes;
  b.push_back(0);
  CHECK(message(b).find("the header says") != std::string::npos);
  CHECK(message(bytes).empty());

  auto saved = [&](auto edit) {
    Weights w = weightsFor(p);
    edit(w);
    REQUIRE(w.save(path));
    Result<Weights> r = Weights::load(path, p);
    return r ? std::string() : r.error().message;
  };
  CHECK(saved([](Weights &w) {
          w.tensors[0].pop_back();
        }).find("weight 'w' has 11 elements") != std::string::npos);
  CHECK(saved([](Weights &w) {
          w.tensors[0][0] = 1ull << 41;
        }).find("6 bytes an element") != std::string::npos);
  CHECK_FALSE(saved([](Weights &w) { w.tensors.pop_back(); }).empty());
  CHECK_FALSE(saved([](Weights &w) { w.tensors.push_back({1}); }).empty());
  CHECK_FALSE(Weights::load(dir.path + "/none", p));
}

TEST_CASE("plans survive their file", "[plan]") {
  TempDir dir;
  Plan p = sample::make();
  REQUIRE(p.save(dir.path + "/x.plan"));
  Result<Plan> q = Plan::load(dir.path + "/x.plan");
  REQUIRE(q);
  CHECK(*q == p);
  std::vector<uint8_t> half = p.encode();
  half.resize(half.size() / 2);
  REQUIRE(core::writeFile(dir.path + "/half.plan", half));
  Result<Plan> bad = Plan::load(dir.path + "/half.plan");
  REQUIRE_FALSE(bad);
  CHECK(bad.error().message.find("half.plan: byte 0x") != std::string::npos);
}
