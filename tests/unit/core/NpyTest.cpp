#include "runtime/core/Npy.h"

#include "TempDir.h"
#include "runtime/core/File.h"

#include <cmath>
#include <limits>

using namespace mpc::core;

namespace {

std::vector<uint8_t> npy(const std::string &header, std::string_view data,
                         uint8_t major = 1) {
  std::vector<uint8_t> out{0x93, 'N', 'U', 'M', 'P', 'Y', major, 0};
  for (unsigned i = 0; i < (major == 1 ? 2u : 4u); ++i)
    out.push_back(static_cast<uint8_t>(header.size() >> (8 * i)));
  out.insert(out.end(), header.begin(), header.end());
  out.insert(out.end(), data.begin(), data.end());
  return out;
}

std::string dict(const char *descr, const char *order, const char *shape) {
  return std::string("{'descr': '") + descr + "', 'fortran_order': " + order +
         ", 'shape': " + shape + ", }   \n";
}

NpyArray parsed(const std::vector<uint8_t> &bytes) {
  auto a = parseNpy(bytes, "x.npy");
  if (!a)
    FAIL(a.error().message);
  return *a;
}

std::string refused(const std::vector<uint8_t> &bytes) {
  auto a = parseNpy(bytes, "x.npy");
  REQUIRE_FALSE(a);
  std::string prefix = "x.npy: not a usable .npy file: ";
  CHECK(a.error().message.substr(0, prefix.size()) == prefix);
  return a.error().message.substr(prefix.size());
}

template <class T> std::vector<T> values(const NpyArray &a) {
  auto s = a.as<T>();
  return std::vector<T>(s.begin(), s.end());
}

template <class T> NpyArray arrayOf(std::vector<T> v) {
  return NpyArray::of<T>({static_cast<int64_t>(v.size())},
                         std::span<const T>(v));
}

using namespace std::string_literals;

} // namespace

TEMPLATE_TEST_CASE("arrays survive a file", "", int8_t, uint8_t, int16_t,
                   uint16_t, int32_t, uint32_t, int64_t, uint64_t, float,
                   double) {
  TempDir dir;
  for (const Shape &shape : {Shape{}, Shape{0}, Shape{3}, Shape{2, 3, 1}}) {
    std::vector<TestType> v(static_cast<size_t>(numel(shape)));
    for (size_t i = 0; i < v.size(); ++i)
      v[i] = static_cast<TestType>(std::numeric_limits<TestType>::max() -
                                   static_cast<TestType>(i));
    NpyArray a = NpyArray::of<TestType>(shape, v);
    REQUIRE(writeNpy(dir.file("a.npy"), a));
    auto b = readNpy(dir.file("a.npy"));
    REQUIRE(b);
    CHECK(*b == a);
    CHECK(values<TestType>(*b) == v);
  }
}

TEST_CASE("what is written is what numpy writes") {
  int32_t v[] = {1, 2};
  std::vector<uint8_t> bytes = serializeNpy(NpyArray::of<int32_t>({1, 2}, v));
  std::string text(bytes.begin(), bytes.end());
  CHECK(text.substr(0, 10) == "\x93NUMPY\x01\x00\x76\x00"s);
  CHECK(text.find("{'descr': '<i4', 'fortran_order': False, "
                  "'shape': (1, 2), } ") == 10);
  CHECK(bytes.size() == 128 + 8);
  CHECK(bytes[127] == '\n');
}

TEST_CASE("versions, byte orders, memory orders") {
  std::string le = "\1\0\2\0\3\0\4\0\5\0\6\0"s;
  std::string be = "\0\1\0\2\0\3\0\4\0\5\0\6"s;
  std::vector<int16_t> want{1, 2, 3, 4, 5, 6}, fortran{1, 3, 5, 2, 4, 6};
  for (uint8_t major : {1, 2, 3}) {
    NpyArray a = parsed(npy(dict("<i2", "False", "(2, 3)"), le, major));
    CHECK(a.shape == Shape{2, 3});
    CHECK(values<int16_t>(a) == want);
  }
  CHECK(values<int16_t>(parsed(npy(dict(">i2", "False", "(6,)"), be))) == want);
  CHECK(values<int16_t>(parsed(npy(dict("<i2", "True", "(6,)"), le))) == want);
  CHECK(values<int16_t>(parsed(npy(dict("<i2", "True", "(2, 3)"), le))) ==
        fortran);
  CHECK(values<int16_t>(parsed(npy(dict(">i2", "True", "(2, 3)"), be))) ==
        fortran);
  // 2x1x3 column major is 2x3 column major.
  CHECK(values<int16_t>(parsed(npy(dict("<i2", "True", "(2, 1, 3)"), le))) ==
        fortran);
  CHECK(parsed(npy(dict("<i2", "True", "(0, 4)"), "")).size() == 0);
  CHECK(parsed(npy(dict("<i2", "False", "()"), "\5\0"s)).shape.empty());
  CHECK(values<bool>(parsed(npy(dict("|b1", "False", "(3,)"), "\0\1\7"s))) ==
        std::vector<bool>{false, true, true});
  // Any key order, either quote, no trailing comma, Python 2 longs.
  CHECK(parsed(npy("{\"shape\":(1L,2L),'fortran_order':False,'descr':'|u1'}",
                   "ab"))
            .shape == Shape{1, 2});
}

TEST_CASE("hostile and foreign files are refused with the reason") {
  CHECK(refused({}) == "it does not start with \\x93NUMPY");
  CHECK(refused(std::vector<uint8_t>(100, 'x')) ==
        "it does not start with \\x93NUMPY");
  CHECK(refused(npy(dict("<i2", "False", "()"), "\0\0"s, 4)) ==
        "unknown version 4.0");
  CHECK(refused(npy(dict("|O", "False", "(1,)"), "abc")) ==
        "object arrays (pickles) are not supported");
  CHECK(refused(npy("{'descr': [('a', '<f4')], 'fortran_order': False, "
                    "'shape': (1,), }",
                    "abcd")) == "structured dtypes are not supported");
  for (const char *d :
       {"<c8", "<U3", "|S1", "<f16", "|i4", "i4", "<M8[ns]", "", "<", "?i1"})
    CHECK(refused(npy(dict(d, "False", "(1,)"), "abcd")) ==
          "dtype '"s + d + "' is not supported");
  CHECK(refused(npy(dict("<f4", "False", "(2,)"), "abcd")) ==
        "float32 of shape 2 takes 8 bytes, the file holds 4");
  CHECK(refused(npy(dict("<f4", "False", "(1,)"), "abcde")) ==
        "float32 of shape 1 takes 4 bytes, the file holds 5");
  CHECK(refused(npy(dict("<f4", "False", "(1000000000000000,)"), "abcd")) ==
        "float32 of shape 1000000000000000 takes 4000000000000000 bytes, "
        "the file holds 4");
  CHECK(refused(npy(dict("<f4", "False", "(4294967296, 4294967296)"), "")) ==
        "shape 4294967296x4294967296 has too many elements");
  CHECK(refused(npy(dict("<f8", "False", "(4611686018427387904,)"), "")) ==
        "shape 4611686018427387904 has too many elements");
  CHECK(refused(npy(dict("<f4", "False", "(99999999999999999999,)"), "")) ==
        "a size in the shape exceeds 63 bits");
  CHECK(refused(npy(dict("<f4", "False", "(-1,)"), "")) ==
        "the shape has a negative size");
  std::string deep = "(";
  for (int i = 0; i < 65; ++i)
    deep += "1,";
  CHECK(refused(npy(dict("<f4", "False", (deep + ")").c_str()), "abcd")) ==
        "more than 64 dimensions");
  for (const char *h :
       {"", "{", "{}", "[]", "{'descr': '<f4'}",
        "{'descr': '<f4', 'fortran_order': 1, 'shape': (1,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1,,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1,)} x",
        "{'descr': '<f4' 'fortran_order': False, 'shape': (1,)}",
        "{'descr': '<f4, 'fortran_order': False, 'shape': (1,)}"})
    CHECK_FALSE(refused(npy(h, "abcd")).empty());
  CHECK(refused(npy("{'descr': '<f4', 'descr': '<f4', 'shape': (1,)}",
                    "abcd")) == "header key 'descr' given twice");
  CHECK(refused(npy("{'x': 1}", "")) == "unknown header key 'x'");
}

TEST_CASE("every truncated prefix is refused") {
  float v[] = {1, 2, 3};
  std::vector<uint8_t> bytes = serializeNpy(NpyArray::of<float>({3}, v));
  for (size_t n = 0; n < bytes.size(); ++n)
    REQUIRE_FALSE(
        parseNpy(std::vector<uint8_t>(bytes.begin(), bytes.begin() + n), "x"));
}

TEST_CASE("reading a file that is not there") {
  TempDir dir;
  CHECK(readNpy(dir.file("a.npy")).error().message ==
        dir.file("a.npy") + ": cannot open: No such file or directory");
}

TEST_CASE("half floats") {
  CHECK(halfToFloat(0x3c00) == 1.0f);
  CHECK(halfToFloat(0xc000) == -2.0f);
  CHECK(halfToFloat(0x7bff) == 65504.0f);
  CHECK(halfToFloat(0x0001) == std::ldexp(1.0f, -24));
  CHECK(halfToFloat(0x03ff) == 1023 * std::ldexp(1.0f, -24));
  CHECK(halfToFloat(0x0400) == std::ldexp(1.0f, -14));
  CHECK(std::signbit(halfToFloat(0x8000)));
  CHECK(std::isinf(halfToFloat(0xfc00)));
  CHECK(std::isnan(halfToFloat(0x7e01)));
}

TEST_CASE("conversion to float is exact or refused") {
  auto f = [](const NpyArray &a) { return toFloat32(a); };
  CHECK(*f(arrayOf<double>({0.5, -0.0, 1e30f})) ==
        std::vector<float>{0.5f, -0.0f, 1e30f});
  CHECK(f(arrayOf<double>({0.5, 0.1})).error().message ==
        "element 1 is 0.1, which is no exact float32");
  CHECK_FALSE(f(arrayOf<double>({1e300})));
  CHECK(*f(arrayOf<int64_t>({1 << 24, INT64_MIN})) ==
        std::vector<float>{0x1p24f, -0x1p63f});
  CHECK_FALSE(f(arrayOf<int64_t>({(1 << 24) + 1})));
  CHECK_FALSE(f(arrayOf<int64_t>({INT64_MAX})));
  CHECK_FALSE(f(arrayOf<uint64_t>({~uint64_t{0}})));
  CHECK_FALSE(f(arrayOf<uint32_t>({~uint32_t{0}})));
  CHECK_FALSE(f(arrayOf<int32_t>({INT32_MAX})));
  CHECK(*f(arrayOf<int8_t>({-128, 127})) == std::vector<float>{-128, 127});
  NpyArray half{DType::F16, {2}, {0x00, 0x3c, 0x00, 0xc0}};
  CHECK(*f(half) == std::vector<float>{1, -2});
  NpyArray flags{DType::Bool, {2}, {0, 1}};
  CHECK(*f(flags) == std::vector<float>{0, 1});

  float inf = std::numeric_limits<float>::infinity();
  CHECK(f(arrayOf<float>({1, inf})).error().message ==
        "element 1 is inf, which is no finite number");
  CHECK_FALSE(f(arrayOf<float>({std::nanf("")})));
  CHECK_FALSE(f(arrayOf<double>({std::nan("")})));
  auto allowed =
      toFloat32(arrayOf<double>({inf, std::nan("")}), NonFinite::Allow);
  REQUIRE(allowed);
  CHECK((*allowed)[0] == inf);
  CHECK(std::isnan((*allowed)[1]));
}

TEST_CASE("conversion to int64 is exact or refused") {
  CHECK(*toInt64(arrayOf<uint8_t>({0, 255})) == std::vector<int64_t>{0, 255});
  CHECK(*toInt64(arrayOf<int64_t>({INT64_MIN, INT64_MAX})) ==
        std::vector<int64_t>{INT64_MIN, INT64_MAX});
  CHECK(*toInt64(arrayOf<double>({-0x1p63, 3})) ==
        std::vector<int64_t>{INT64_MIN, 3});
  CHECK(*toInt64(NpyArray{DType::F16, {1}, {0x00, 0x3c}}) ==
        std::vector<int64_t>{1});
  CHECK_FALSE(toInt64(arrayOf<double>({0x1p63})));
  CHECK_FALSE(toInt64(arrayOf<uint64_t>({uint64_t{1} << 63})));
  CHECK_FALSE(toInt64(arrayOf<float>({std::nanf("")})));
  CHECK(toInt64(arrayOf<float>({1, 0.5f})).error().message ==
        "element 1 is 0.5, which is no int64");
}
