//===- tools/MpccOpt.cpp - mpcc opt: run passes on textual IR -------------===//
#include "ApproxFile.h"
#include "Main.h"
#include "MpccCommon.h"
#include "ProfileFile.h"
#include "ir/Text.h"
#include "mpcc.h"
#include "passes/Pass.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

namespace mpc::tools {
namespace {

struct OptArgs {
  std::string file;
  std::vector<std::string> passes;
  passes::Options options;
  std::string network = "loopback", approx;
  bool complete = false, printAfterAll = false;
};

int opt(const OptArgs &a) {
  auto buffer = llvm::MemoryBuffer::getFileOrSTDIN(a.file);
  if (!buffer)
    return fail(a.file + ": error: " + buffer.getError().message());
  llvm::Expected<ir::Module> m = ir::parse((*buffer)->getBuffer(), a.file);
  if (!m)
    return fail(m.takeError());
  std::vector<const passes::PassInfo *> list;
  for (const std::string &flag : a.passes) {
    const passes::PassInfo *p = passes::findPass(flag);
    if (!p) {
      fmt::print(stderr,
                 "mpcc opt: error: no pass '{}'; see mpcc --list-passes\n",
                 flag);
      return 2;
    }
    list.push_back(p);
  }
  Result<plan::Profile> profile = readProfile(a.network);
  if (!profile)
    return fail(profile.error().message);
  passes::Context ctx;
  ctx.options = a.options;
  ctx.options.profile = std::move(*profile);
  if (!a.approx.empty()) {
    auto rules = readApprox(a.approx, a.options);
    if (!rules)
      return fail(rules.error().message);
    ctx.options.replacements = std::move(*rules);
  }
  llvm::Error e = passes::runPasses(
      *m, list, ctx, [&](const passes::PassInfo &p, const ir::Module &module) {
        if (!a.printAfterAll)
          return;
        llvm::errs() << "// ----- after " << p.flag << "\n";
        ir::print(module, llvm::errs());
      });
  for (const auto &[kind, text] : ctx.diagnostics.all())
    fmt::print(stderr, "{}: {}: {}\n", a.file,
               kind == passes::Diagnostics::Kind::Warning ? "warning" : "note",
               text);
  if (e)
    return fail(a.file + ": error: " + llvm::toString(std::move(e)));
  ir::PrintOptions po;
  po.complete = a.complete;
  ir::print(*m, llvm::outs(), po);
  return 0;
}

} // namespace

Command addOpt(CLI::App &app) {
  auto a = std::make_shared<OptArgs>();
  CLI::App *c = app.add_subcommand("opt", "run passes on a textual module");
  c->add_option("file", a->file, "a .mir file, - for standard input")
      ->required();
  c->add_option("--passes", a->passes, "a,b,...: see mpcc --list-passes")
      ->delimiter(',');
  c->add_flag("--complete", a->complete, "print constants in full");
  c->add_flag("--print-ir-after-all", a->printAfterAll,
              "print the module on stderr after every pass");
  addPrecision(*c, a->options);
  c->add_option("--ring-bits", a->options.ringBits)->check(CLI::Range(8, 64));
  c->add_option("--margin-bits", a->options.marginBits)
      ->check(CLI::Range(0, 8));
  c->add_flag("--guard", a->options.guard);
  c->add_flag("--clip-maps", a->options.clipMaps);
  c->add_option("--approx", a->approx, "FILE.toml for replace-functions");
  c->add_option("--network", a->network, kNetworkHelp);
  c->footer("The module is verified after parsing and after every pass.\n"
            "example:\n  mpcc opt --passes=cse,dce in.mir");
  return [a] { return opt(*a); };
}

} // namespace mpc::tools
