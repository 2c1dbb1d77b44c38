//===- tests/fuzz/IrParse.cpp - any text as a module ----------------------===//
//
// The parser accepts or refuses; what it accepts is well formed, and printing
// is a fixed point: the printed text parses, and prints the same again.
//
//===----------------------------------------------------------------------===//
#include "ir/Text.h"
#include "ir/Verifier.h"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  using namespace mpc;
  llvm::StringRef text(reinterpret_cast<const char *>(data), size);
  llvm::Expected<ir::Module> m = ir::parse(text, "fuzz");
  if (!m) {
    llvm::consumeError(m.takeError());
    return 0;
  }
  if (ir::firstViolation(*m))
    std::abort();
  // One element written for all makes constants of any size; do not print
  // gigabytes.
  constexpr int64_t kPrintable = 1 << 16;
  for (uint32_t c = 0; c < m->numConsts(); ++c)
    if (m->constData({c}).numel() > kPrintable)
      return 0;
  ir::PrintOptions all;
  all.complete = true;
  std::string printed = ir::toString(*m, all);
  llvm::Expected<ir::Module> again = ir::parse(printed, "printed");
  if (!again) {
    llvm::errs() << llvm::toString(again.takeError()) << "\n" << printed;
    std::abort();
  }
  if (ir::toString(*again, all) != printed) {
    llvm::errs() << printed << "became\n" << ir::toString(*again, all);
    std::abort();
  }
  return 0;
}
