//===- tools/mpcc.cpp - the compiler's command line -----------------------===//
//
// Results on stdout, diagnostics on stderr. Exit codes: 0 done, 1 diagnosed
// failure, 2 usage.
//
//===----------------------------------------------------------------------===//
#include "mpcc.h"
#include "Main.h"
#include "frontend/Import.h"
#include "ir/Module.h"
#include "passes/Pass.h"
#include <fmt/format.h>

namespace {

void listPasses() {
  for (const mpc::passes::PassInfo &p : mpc::passes::allPasses())
    fmt::print("{:<18} {:<7} {:<9} {}\n", p.flag.str(),
               mpc::ir::name(p.level).str(),
               p.optional ? "optional" : "required", p.summary.str());
}
void listOps() {
  for (const mpc::ir::OpInfo &op : mpc::ir::allOps())
    fmt::print("{:<22} {:<7} {}\n", op.mnemonic.str(),
               mpc::ir::name(op.level).str(), op.attrs.str());
}
void listOnnxOps() {
  for (const mpc::frontend::OnnxOpInfo &op : mpc::frontend::listOnnxOps())
    fmt::print("{:<28} {:>2}-{:<2} {}\n", op.type.str(), op.minOpset,
               op.maxOpset, op.notes.str());
}

int run(int argc, char **argv) {
  CLI::App app{"mpcc - compiles ONNX models to three-party MPC plans"};
  app.set_version_flag("--version", "mpcc " MPCC_VERSION);
  app.footer("examples:\n"
             "  mpcc check model.onnx --shape input_ids=1x128\n"
             "  mpcc compile model.onnx -o model.plan --calibrate samples/\n"
             "  mpcc cost model.plan --network wan\n"
             "  mpcc explain model.onnx /fc1/Gemm --calibrate samples/\n"
             "  mpcc emulate model.plan --input-dir in --output-dir out\n"
             "'mpcc COMMAND --help' tells more of each.");
  bool passesFlag = false, opsFlag = false, onnxFlag = false;
  app.add_flag("--list-passes", passesFlag, "list the passes and exit");
  app.add_flag("--list-ops", opsFlag, "list the IR's operations and exit");
  app.add_flag(
      "--list-onnx-ops", onnxFlag,
      "list the ONNX operators and opsets the importer reads and exit");

  std::vector<std::pair<CLI::App *, mpc::tools::Command>> commands;
  for (auto add :
       {mpc::tools::addCompile, mpc::tools::addCheck, mpc::tools::addEmulate,
        mpc::tools::addEval, mpc::tools::addCost, mpc::tools::addExplain,
        mpc::tools::addOpt, mpc::tools::addDis, mpc::tools::addShareWeights}) {
    mpc::tools::Command run = add(app);
    commands.emplace_back(app.get_subcommands({}).back(), std::move(run));
  }
  app.require_subcommand(0, 1);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError &e) {
    return app.exit(e) == 0 ? 0 : 2;
  }
  if (passesFlag)
    listPasses();
  if (opsFlag)
    listOps();
  if (onnxFlag)
    listOnnxOps();
  for (auto &[command, run] : commands)
    if (command->parsed())
      return run();
  if (passesFlag || opsFlag || onnxFlag)
    return 0;
  fmt::print(stderr, "mpcc: error: no command given; see mpcc --help\n");
  return 2;
}

} // namespace

int main(int argc, char **argv) {
  return mpc::tools::guardedMain("mpcc", [&] { return run(argc, argv); });
}
