#include "runtime/plan/Encode.h"
#include "runtime/core/Ring.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

using namespace mpc;
using namespace mpc::plan;
using core::DType;
using core::NpyArray;

namespace {

template <class T> NpyArray array(core::Shape shape, std::vector<T> v) {
  return NpyArray::of<T>(std::move(shape), v);
}

InputInfo real(DType t = DType::F32) { return {"x", t, {3}, 24, 8, -100, 100}; }

std::string encodeError(const InputInfo &i, const NpyArray &a) {
  Result<std::vector<uint64_t>> r = encodeInput(i, a);
  return r ? "" : r.error().message;
}

} // namespace

TEST_CASE("reals are scaled and rounded", "[plan][encode]") {
  auto r = encodeInput(real(), array<float>({3}, {1.5f, -2.25f, 0x1.8p-8f}));
  REQUIRE(r);
  CHECK((*r)[0] == 384);
  CHECK(core::toSigned((*r)[1], 24) == -576);
  CHECK((*r)[2] == 2); // 1.5 ulps, a tie, to even
  // Integers convert to float; doubles that are floats too.
  CHECK(encodeInput(real(), array<int64_t>({3}, {1, 2, -3})));
  CHECK(encodeInput(real(), array<double>({3}, {1, 0.5, -3})));
  CHECK(encodeInput(real(DType::F16), array<float>({3}, {1, 0.5f, -3})));
  CHECK(encodeInput(real(DType::F64), array<float>({3}, {1, 0.5f, -3})));
}

TEST_CASE("what is refused names input, element and value", "[plan][encode]") {
  CHECK(encodeError(real(), array<float>({1, 3}, {1, 2, 3})) ==
        "input 'x' has shape 1x3, expected 3");
  CHECK(encodeError(real(), array<float>({3}, {1, NAN, 3})) ==
        "input 'x': element 1 is nan, which is no finite number");
  CHECK(encodeError(real(), array<float>({3}, {1, 2, -INFINITY}))
            .find("element 2 is -inf") != std::string::npos);
  CHECK(encodeError(real(), array<float>({3}, {1, 2, 100.5f})) ==
        "input 'x': element 2 is 100.5, outside the declared range "
        "[-100, 100]");
  CHECK(encodeError(real(), array<double>({3}, {0.1, 2, 3}))
            .find("which is no exact float32") != std::string::npos);
  CHECK(encodeError(real(DType::F16), array<float>({3}, {0.1f, 2, 3}))
            .find("which is no float16") != std::string::npos);
  InputInfo ids{"ids", DType::I64, {2}, 3, 0, 0, 7};
  CHECK(encodeError(ids, array<int64_t>({2}, {7, 8})).find("is 8, outside") !=
        std::string::npos);
  CHECK(encodeError(ids, array<float>({2}, {7, 0.5f})).find("no int64") !=
        std::string::npos);
  InputInfo small{"s", DType::I8, {1}, 9, 0, -200, 200};
  CHECK(encodeError(small, array<int64_t>({1}, {128})).find("no int8") !=
        std::string::npos);
  InputInfo flag{"b", DType::Bool, {1}, 2, 0, 0, 1};
  CHECK(encodeError(flag, array<int64_t>({1}, {2})).find("no bool") !=
        std::string::npos);
  CHECK(encodeInput(flag, array<float>({1}, {1})));
}

TEST_CASE("an unsigned range fills the ring", "[plan][encode]") {
  InputInfo ids{"ids", DType::I64, {2}, 3, 0, 0, 7};
  auto r = encodeInput(ids, array<int32_t>({2}, {7, 4}));
  REQUIRE(r);
  CHECK(*r == std::vector<uint64_t>{7, 4});
}

TEST_CASE("outputs have the type of ONNX", "[plan][encode]") {
  std::vector<uint64_t> x{core::fromSigned(-384, 20), 128};
  NpyArray f = decodeOutput({"y", DType::F64, {2}, 20, 8}, x);
  CHECK(f == array<float>({2}, {-1.5f, 0.5f}));
  CHECK(decodeOutput({"y", DType::F16, {2}, 20, 8}, x).dtype == DType::F32);
  CHECK(decodeOutput({"y", DType::I64, {2}, 20, 0}, x) ==
        array<int64_t>({2}, {-384, 128}));
  CHECK(decodeOutput({"y", DType::I32, {2, 1}, 20, 0}, x) ==
        array<int32_t>({2, 1}, {-384, 128}));
  std::vector<uint64_t> big{1ull << 63};
  CHECK(decodeOutput({"y", DType::I64, {}, 64, 0}, big) ==
        array<int64_t>({}, {INT64_MIN}));
  NpyArray b = decodeOutput({"y", DType::Bool, {2}, 20, 0}, {{0, 1}});
  CHECK(b.dtype == DType::Bool);
  CHECK(b.bytes == std::vector<uint8_t>{0, 1});
  CHECK(decodePublicOutput({"y", DType::I64, {2}, 64, 0}, {{3, -1}}) ==
        array<int64_t>({2}, {3, -1}));
  CHECK(decodePublicOutput({"y", DType::F32, {1}, 64, 0}, {{0.1}}) ==
        array<float>({1}, {0.1f}));
}

TEST_CASE("bound inputs are compared exactly", "[plan][encode]") {
  NpyArray mask = array<int64_t>({2}, {1, 0});
  BoundInfo b{"mask", DType::I64, {2}, core::sha256(mask.bytes)};
  CHECK(checkBound(b, mask));
  CHECK(checkBound(b, array<float>({2}, {1, 0})));
  CHECK(checkBound(b, array<int64_t>({2}, {1, 1})).error().message ==
        "bound input 'mask' differs from the array the plan was compiled with");
  CHECK_FALSE(checkBound(b, array<int64_t>({1, 2}, {1, 0})));
  CHECK_FALSE(checkBound(b, array<float>({2}, {0.5f, 0})));
  // A mask may hold -inf.
  NpyArray inf = array<float>({1}, {-INFINITY});
  CHECK(checkBound({"m", DType::F32, {1}, core::sha256(inf.bytes)}, inf));
}

TEST_CASE("every half converts to float and back", "[plan][encode]") {
  std::vector<uint8_t> bytes;
  for (uint32_t h = 0; h < 0x10000; ++h) {
    bool nan = (h & 0x7c00) == 0x7c00 && (h & 0x3ff) != 0;
    uint32_t v = nan ? (h & 0x8000) | 0x7e00 : h; // the one NaN of each sign
    bytes.push_back(static_cast<uint8_t>(v));
    bytes.push_back(static_cast<uint8_t>(v >> 8));
  }
  NpyArray half{DType::F16, {0x10000}, bytes};
  Result<NpyArray> f = convertExactly(half, DType::F32);
  REQUIRE(f);
  Result<NpyArray> back = convertExactly(*f, DType::F16);
  REQUIRE(back);
  CHECK(back->bytes == bytes);
  for (float v : {65536.0f, 65519.0f, 0x1p-25f, 1.0f + 0x1p-11f})
    CHECK_FALSE(convertExactly(array<float>({1}, {v}), DType::F16));
}
