// What the parser says, and that no text makes it crash.
#include "Samples.h"
#include "ir/Text.h"
#include <catch2/catch.hpp>
#include <random>

using namespace mpc::ir;
using namespace mpc::ir::test;

TEST_CASE("errors name the place and the token") {
  const std::string x = "  %0 = input {name = \"x\"} : f32[2] secret\n";
  const std::pair<std::string, std::string> cases[] = {
      {"", "1:1: error: expected 'module', found the end of the file"},
      {"module m", "1:8: error: expected '@', found 'm'"},
      {"module @m level(any) {",
       "1:17: error: expected tensor, fixed or share, found 'any'"},
      {wrap("tensor", "  %0 = tensor.frob : f32[2] secret\n"),
       "2:8: error: there is no operation 'tensor.frob'"},
      {wrap("tensor", "  %0 = tensor.neg %1 : f32[2] secret\n"),
       "2:19: error: %1 is used before it is defined"},
      {wrap("tensor", x + x), "3:3: error: %0 is defined twice"},
      {wrap("tensor", "  %99999999999 = input\n"),
       "2:3: error: '%99999999999' is too large"},
      {wrap("tensor", "  %0 = input {name = \"x} : f32\n"),
       "2:22: error: the text does not end on its line"},
      {wrap("tensor", "  %0 = input {name = \"\\q\"} : f32[] secret\n"),
       "2:23: error: unknown escape; write \\\", \\\\ or \\ and two "
       "hexadecimal digits"},
      {wrap("tensor", "  %0 = input {a = 1, a = 2} : f32[] secret\n"),
       "2:22: error: attribute 'a' is given twice"},
      {wrap("tensor", "  %0 = input {a = [1, 2.0]} : f32[] secret\n"),
       "2:23: error: the list mixes integers and reals"},
      {wrap("tensor", "  %0 = input {a = ?} : f32[] secret\n"),
       "2:19: error: expected an integer, found '?'"},
      {wrap("tensor", "  %0 = input {name = \"x\"} : f16[2] secret\n"),
       "2:29: error: expected an element type, found 'f16'"},
      {wrap("tensor", "  %0 = input {name = \"x\"} : f32[-2] secret\n"),
       "2:33: error: expected a dimension, found '-'"},
      {wrap("tensor",
            "  %0 = input {name = \"x\"} : f32[99999999x99999999] secret\n"),
       "2:32: error: the shape is too large"},
      {wrap("tensor", "  %0 = input {name = \"x\"} : f32[2]\n"),
       "3:3: error: expected public, weight or secret, found 'return'"},
      {wrap("fixed", "  %0 = input {name = \"x\"} : fx<65,1,1>[] secret\n"),
       "2:31: error: a ring has 1 to 64 bits, got 65; write _ for none"},
      {wrap("fixed", "  %0 = input {name = \"x\"} : fx<_,9999,1>[] secret\n"),
       "2:31: error: fraction or integer bits are out of range"},
      {wrap("tensor", "  %0 = constant {value = dense<f32[3] [1.0]>} : "
                      "f32[3] public\n"),
       "2:32: error: the constant has 3 elements, got 1"},
      {wrap("tensor", "  %0 = constant {value = dense<f32[2] 0x00>} : "
                      "f32[2] public\n"),
       "2:32: error: the constant takes 16 hexadecimal digits, got 2"},
      {wrap("tensor", "  %0 = constant {value = dense<f32[999999999] 0.0>} "
                      ": f32[999999999] public\n"),
       "2:32: error: constants of one repeated value may have 134217728 "
       "elements in all"},
      {wrap("tensor", x, "%0 as \"y\" : f32 junk"),
       "3:26: error: expected '}', found 'junk'"},
      {wrap("tensor", x) + "more",
       "5:1: error: expected the end of the file, found 'more'"},
      {wrap("tensor", x + "\x01"), "3:1: error: expected 'return', found "
                                   "byte 0x1"},
      // The verifier's complaints come with the place of the op.
      {wrap("tensor", x + "  %1 = tensor.neg %0 : f32[3] secret\n"),
       "3:8: error: 'tensor.neg' has shape [3], expected [2]"},
      {wrap("fixed", "  %0 = input {name = \"x\"} : fx<52,12,9>[2] secret\n"
                     "  %1 = fixed.trunc %0 {bits = 64} : fx<52,12,9>[2] "
                     "secret\n"),
       "3:8: error: 'fixed.trunc' takes bits in [1,51] for fx<52,12,9>[2] "
       "secret, got 64"},
      {wrap("tensor", x, "%0 as \"y\" : f32, %0 as \"y\" : f32"),
       "3:3: error: the output name 'y' is repeated"},
  };
  for (const auto &[text, expected] : cases)
    CHECK(parseError(text) == "t.mir:" + expected);
}

TEST_CASE("every prefix of a module is refused") {
  for (llvm::StringRef text : samples()) {
    llvm::StringRef body = text.rtrim();
    for (size_t n = 0; n < body.size(); ++n) {
      llvm::Expected<Module> m = parse(body.take_front(n), "t.mir");
      bool parsed = static_cast<bool>(m);
      if (!parsed)
        llvm::consumeError(m.takeError());
      if (parsed)
        FAIL("prefix of " << n << " bytes parsed");
    }
  }
}

TEST_CASE("a mutated module is refused or round-trips") {
  std::mt19937 rng(20240817);
  size_t refused = 0;
  for (int i = 0; i < 2000; ++i) {
    llvm::StringRef sample = samples()[rng() % samples().size()];
    std::string text = sample.str();
    text[rng() % text.size()] = static_cast<char>(rng() % 256);
    llvm::Expected<Module> m = parse(text, "t.mir");
    if (!m) {
      ++refused;
      std::string message = llvm::toString(m.takeError());
      if (message.rfind("t.mir:", 0) != 0)
        FAIL(message);
      continue;
    }
    std::string once = toString(*m);
    if (once.find("elided") == std::string::npos &&
        toString(parseOk(once)) != once)
      FAIL(text);
  }
  CHECK(refused > 1000);
}
