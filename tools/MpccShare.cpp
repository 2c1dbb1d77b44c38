//===- tools/MpccShare.cpp - mpcc share-weights ---------------------------===//
#include "MpccCommon.h"
#include "mpcc.h"
#include "runtime/plan/Files.h"
#include "runtime/vm/ShareFile.h"

#include <optional>

namespace mpc::tools {
namespace {

struct ShareArgs {
  PlanFiles files;
  std::string outputDir;
};

int share(const ShareArgs &a) {
  Result<plan::Plan> p = plan::Plan::load(a.files.plan);
  if (!p)
    return fail(a.files.plan, p.error());
  auto weights = plan::openWeights(*p, a.files.plan, a.files.weights);
  if (!weights)
    return fail(a.files.plan, weights.error());
  auto id = vm::writeShares(*p, *weights ? &**weights : nullptr, a.outputDir);
  if (!id)
    return fail(a.files.plan, id.error());
  fmt::print("deployment {}\n", core::hex(*id));
  for (int party = 0; party < 3; ++party)
    fmt::print("{} for party {} only\n", vm::sharePath(a.outputDir, party),
               party);
  return 0;
}

} // namespace

Command addShareWeights(CLI::App &app) {
  auto a = std::make_shared<ShareArgs>();
  CLI::App *c = app.add_subcommand(
      "share-weights",
      "mask the weights once and write one file for each party");
  a->files.addTo(*c);
  c->add_option("--output-dir", a->outputDir,
                "where p0.share, p1.share and p2.share go")
      ->required();
  c->footer("Each call makes a new deployment with masks of its own. Hand each "
            "party its file only: two of them\ntogether give the weights "
            "away.\n"
            "example:\n  mpcc share-weights bert.plan --output-dir shares");
  return [a] { return share(*a); };
}

} // namespace mpc::tools
