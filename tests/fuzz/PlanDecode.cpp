//===- tests/fuzz/PlanDecode.cpp - any bytes as a plan --------------------===//
//
// The decoder accepts or refuses, and what it accepts has one encoding and
// survives its text. The input is the sections of a plan: header and checksum
// are added here, or the fuzzer would never get past them.
//
//===----------------------------------------------------------------------===//
#include "runtime/core/ByteStream.h"
#include "runtime/plan/Plan.h"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  using namespace mpc;
  core::Writer w;
  for (char c : std::string_view("MPCCPLAN"))
    w.u8(static_cast<uint8_t>(c));
  w.u32(1);
  w.u64(20 + size + sizeof(core::Digest));
  w.bytes({data, size});
  core::Digest digest = core::sha256(w.view());
  w.bytes(digest);
  std::vector<uint8_t> bytes = w.take();

  Result<plan::Plan> p = plan::Plan::decode(bytes);
  if (!p)
    return 0;
  if (p->encode() != bytes || !plan::verify(*p))
    std::abort();
  Result<plan::Plan> q = plan::Plan::assemble(p->disassemble(), "fuzz");
  if (!q || !(*q == *p))
    std::abort();
  return 0;
}
