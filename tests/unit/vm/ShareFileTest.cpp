//===- tests/unit/vm/ShareFileTest.cpp - the owner's three files ----------===//
#include "runtime/vm/ShareFile.h"
#include "runtime/core/Ring.h"
#include "runtime/kernels/Pack.h"
#include "tests/unit/core/TempDir.h"
#include "tests/unit/plan/SamplePlan.h"

#include <sys/stat.h>

using namespace mpc;
using Catch::Matchers::Contains;

namespace {

struct Owner {
  TempDir dir;
  plan::Plan plan = plan::sample::make();
  plan::Weights weights{plan.hash(), {}};

  Owner() {
    for (const plan::WeightInfo &i : plan.weights) {
      std::vector<uint64_t> t(static_cast<size_t>(core::numel(i.shape)));
      for (size_t j = 0; j < t.size(); ++j)
        t[j] = (j * 0x9e3779b97f4a7c15) >> (64 - i.ring);
      weights.tensors.push_back(t);
    }
    REQUIRE(weights.save(dir.file("w")));
  }
  vm::DeploymentId share(const std::string &to) {
    auto file = plan::WeightsFile::open(dir.file("w"), plan);
    REQUIRE(file);
    auto id = vm::writeShares(plan, &*file, dir.file(to));
    REQUIRE(id);
    return *id;
  }
  std::string at(int party) const {
    return vm::sharePath(dir.file("a"), party);
  }
};

template <class R> std::string errorOf(const R &r) {
  return r ? "" : r.error().message;
}

} // namespace

TEST_CASE("shares unmask to the weights, and only together", "[vm][share]") {
  Owner o;
  const vm::DeploymentId id = o.share("a");
  auto zero = vm::loadDealerShare(o.plan, o.at(0));
  auto one = vm::loadEvaluatorShare(o.plan, 1, o.at(1));
  auto two = vm::loadEvaluatorShare(o.plan, 2, o.at(2));
  REQUIRE(zero);
  REQUIRE(one);
  REQUIRE(two);
  CHECK(zero->id == id);
  CHECK(one->id == id);
  CHECK(two->id == id);
  for (size_t w = 0; w < o.plan.weights.size(); ++w) {
    const unsigned ring = o.plan.weights[w].ring;
    const std::vector<uint64_t> &plain = o.weights.tensors[w];
    const size_t n = plain.size();
    const auto &masked = one->deployment.masked[w];
    const auto &same = two->deployment.masked[w];
    REQUIRE(masked.size() == core::packedBytes(n, ring));
    CHECK(std::equal(masked.begin(), masked.end(), same.begin()));
    std::vector<uint64_t> m(n), l1(n), l2(n), d1(n), d2(n);
    const crypto::PrgAddress at{crypto::Purpose::Mask, w, 0};
    if (o.plan.weights[w].form == plan::Form::Words) { // masked by XOR
      std::vector<uint8_t> bytes(masked.begin(), masked.end());
      std::vector<uint64_t> bits((n * ring + 63) / 64);
      for (const crypto::Prg *key :
           {&one->deployment.d0, &two->deployment.d0}) {
        key->bits(at, 0, n * ring, bits);
        for (size_t i = 0; i < n * ring; ++i)
          bytes[i / 8] ^=
              static_cast<uint8_t>((bits[i / 64] >> (i % 64) & 1) << (i % 8));
      }
      kernels::unpackBits(bytes.data(), n, ring, m.data());
      CHECK(m == plain);
      continue;
    }
    kernels::unpackBits(masked.data(), n, ring, m.data());
    one->deployment.d0.words(at, 0, l1, ring);
    two->deployment.d0.words(at, 0, l2, ring);
    zero->deployment.d01.words(at, 0, d1, ring);
    zero->deployment.d02.words(at, 0, d2, ring);
    CHECK(l1 == d1);
    CHECK(l2 == d2);
    for (size_t i = 0; i < n; ++i)
      m[i] = (m[i] - l1[i] - l2[i]) & core::ringMask(ring);
    CHECK(m == plain);
  }
  for (int party = 0; party < 3; ++party) {
    struct stat s;
    REQUIRE(::stat(o.at(party).c_str(), &s) == 0);
    CHECK((s.st_mode & 0777) == 0600);
  }
}

TEST_CASE("each sharing is a deployment of its own", "[vm][share]") {
  Owner o;
  const vm::DeploymentId a = o.share("a"), b = o.share("b");
  CHECK(a != b);
  auto one = vm::loadEvaluatorShare(o.plan, 1, o.at(1));
  auto other =
      vm::loadEvaluatorShare(o.plan, 1, vm::sharePath(o.dir.file("b"), 1));
  REQUIRE(one);
  REQUIRE(other);
  const auto &x = one->deployment.masked[0], &y = other->deployment.masked[0];
  CHECK_FALSE(std::equal(x.begin(), x.end(), y.begin()));
}

TEST_CASE("shares that do not fit are refused", "[vm][share]") {
  Owner o;
  o.share("a");
  CHECK_THAT(errorOf(vm::loadEvaluatorShare(o.plan, 2, o.at(1))),
             Contains("this is the share of party 1, not of party 2"));
  CHECK_THAT(errorOf(vm::loadDealerShare(o.plan, o.at(1))),
             Contains("this is the share of party 1, not of party 0"));
  const plan::Plan other = plan::sample::make(
      plan::sample::edited("range [-4, 4]", "range [-3, 4]"));
  CHECK_THAT(errorOf(vm::loadDealerShare(other, o.at(0))),
             Contains("this share belongs to another plan"));
  CHECK_THAT(errorOf(vm::loadDealerShare(o.plan, o.dir.file("none"))),
             Contains("No such file"));

  const std::vector<uint8_t> good = *core::readFile(o.at(1));
  const std::string path = o.dir.file("damaged");
  const auto load = [&](const std::vector<uint8_t> &bytes) {
    REQUIRE(core::writeFile(path, bytes));
    return errorOf(vm::loadEvaluatorShare(o.plan, 1, path));
  };
  CHECK(load(good) == "");
  for (size_t n = 0; n < good.size(); n += n < 140 ? 1 : 37)
    CHECK(load({good.begin(), good.begin() + static_cast<long>(n)}) != "");
  for (size_t i = 0; i < good.size(); i += i < 140 ? 1 : 37) {
    std::vector<uint8_t> bad = good;
    bad[i] ^= 0x10;
    CHECK(load(bad) != "");
  }
  std::vector<uint8_t> longer = good;
  longer.push_back(0);
  CHECK_THAT(load(longer), Contains("the header says"));
  std::vector<uint8_t> bad = good;
  bad[150] ^= 1;
  CHECK_THAT(load(bad), Contains("wrong checksum"));
}
