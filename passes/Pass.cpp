//===- passes/Pass.cpp - the table of passes and the driver ---------------===//
#include "passes/Pass.h"
#include "ir/Verifier.h"

namespace mpc::passes {

#define PASS(function, flag, level, need, summary)                             \
  llvm::Error function(ir::Module &, Context &);
#include "passes/Passes.def"

llvm::ArrayRef<PassInfo> allPasses() {
  enum class Need { Required, Optional };
  static const PassInfo table[] = {
#define PASS(function, flag, level, need, summary)                             \
  {flag, ir::Level::level, Need::need == Need::Optional, summary, function},
#include "passes/Passes.def"
  };
  return table;
}

const PassInfo *findPass(llvm::StringRef flag) {
  for (const PassInfo &p : allPasses())
    if (p.flag == flag)
      return &p;
  return nullptr;
}

llvm::Error
runPasses(ir::Module &m, llvm::ArrayRef<const PassInfo *> passes, Context &ctx,
          const std::function<void(const PassInfo &, const ir::Module &)>
              &afterEach) {
  for (const PassInfo *p : passes) {
    if (m.level() != p->level)
      return llvm::createStringError(
          llvm::inconvertibleErrorCode(),
          "pass '%s' runs at level %s, the module is at level %s",
          p->flag.str().c_str(), ir::name(p->level).str().c_str(),
          ir::name(m.level()).str().c_str());
    if (llvm::Error e = p->run(m, ctx))
      return e;
    if (llvm::Error e = ir::verify(m))
      return llvm::createStringError(
          llvm::inconvertibleErrorCode(), "after pass '%s': %s",
          p->flag.str().c_str(), llvm::toString(std::move(e)).c_str());
    if (afterEach)
      afterEach(*p, m);
  }
  return llvm::Error::success();
}

} // namespace mpc::passes
