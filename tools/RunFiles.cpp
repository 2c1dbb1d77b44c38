//===- tools/RunFiles.cpp -------------------------------------------------===//
#include "tools/RunFiles.h"

#include "runtime/core/File.h"

#include <fmt/format.h>

namespace mpc::tools {

void RunFiles::addTo(CLI::App &app) {
  app.add_option("plan", plan, "The plan, X.plan")->required();
  app.add_option("--input-dir", inputs.directory,
                 "Directory of <input name>.npy");
  app.add_option("--input", inputs.overrides, "NAME=FILE: one input's file")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  app.add_option("--output-dir", outputDir,
                 "Where <output name>.npy are written")
      ->required();
  app.add_option("--stats", stats, "Measurements, as JSON");
}

Result<vm::EncodedInputs> RunFiles::readInputs(const plan::Plan &p) const {
  auto loaded = plan::loadInputs(p, inputs);
  if (!loaded)
    return loaded.error();
  for (const std::string &note : loaded->notes)
    fmt::print(stderr, "note: {}\n", note);
  auto encoded = vm::encodeInputs(p, loaded->arrays);
  plan::wipe(loaded->arrays);
  return encoded;
}

Status RunFiles::saveOutputs(const plan::Plan &p,
                             std::vector<core::NpyArray> &outputs) const {
  Status saved = plan::saveOutputs(p, outputs, outputDir);
  plan::wipe(outputs);
  return saved;
}

Status RunFiles::saveStats(const std::string &json) const {
  return stats.empty() ? Status() : core::writeText(stats, json);
}

} // namespace mpc::tools
