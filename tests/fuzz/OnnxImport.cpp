//===- tests/fuzz/OnnxImport.cpp - any bytes as a model -------------------===//
//
// Importing and checking end in a module or in an error, and the module
// survives its text. The input is given as a file in memory; what it may refer
// to as external data is next to nothing.
//
//===----------------------------------------------------------------------===//
#include "frontend/Import.h"
#include "ir/Text.h"

#include <cstdlib>
#include <sys/mman.h>
#include <unistd.h>

using namespace mpc;

static void fill(int fd, const uint8_t *data, size_t size) {
  if (::ftruncate(fd, 0) != 0)
    std::abort();
  for (size_t done = 0; done < size;) {
    ssize_t n = ::pwrite(fd, data + done, size - done, off_t(done));
    if (n <= 0)
      std::abort();
    done += size_t(n);
  }
}

/// Whatever names the model chose, the module prints and parses.
static void checkText(const ir::Module &m) {
  for (uint32_t c = 0; c < m.numConsts(); ++c)
    if (m.constData({c}).numel() > 1 << 16)
      return;
  ir::PrintOptions all;
  all.complete = true;
  std::string printed = ir::toString(m, all);
  llvm::Expected<ir::Module> again = ir::parse(printed, "printed");
  if (!again) {
    llvm::errs() << llvm::toString(again.takeError()) << "\n" << printed;
    std::abort();
  }
  if (ir::toString(*again, all) != printed) {
    llvm::errs() << printed << "became\n" << ir::toString(*again, all);
    std::abort();
  }
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const int fd = ::memfd_create("model", MFD_CLOEXEC);
  static const std::string path = "/proc/self/fd/" + std::to_string(fd);
  fill(fd, data, size);
  frontend::ImportOptions options;
  options.maxErrors = 3;
  if (auto r = frontend::importOnnx(path, options))
    checkText(r->module);
  else
    llvm::consumeError(r.takeError());
  if (auto c = frontend::checkOnnx(path, options); !c)
    llvm::consumeError(c.takeError());
  return 0;
}
