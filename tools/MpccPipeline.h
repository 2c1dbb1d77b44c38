//===- tools/MpccPipeline.h - from an ONNX file to a plan, observed -------===//
//
// What `mpcc compile`, `explain` and `annotate` have in common: the options
// that decide a plan, and the way from the model to it. An observer sees the
// module after every step and may stop there.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "MpccCommon.h"
#include "backend/Emit.h"
#include "passes/Pass.h"
#include <functional>
#include <optional>

namespace mpc::tools {

/// Everything that decides the bytes of a plan.
struct PipelineOptions {
  InputOptions inputs;
  passes::Options passes;
  std::string network = "loopback", outOfDomain = "trust";
  std::string approx;                ///< --approx FILE.toml
  std::string floatOutputs;          ///< --float-outputs DIR
  std::vector<std::string> disabled; ///< flags of optional passes

  void addTo(CLI::App &app);
};

struct Compiled {
  frontend::ImportResult model; ///< its module is at share level
  passes::Options options;      ///< as the passes saw them
  passes::RingResult rings;
  backend::Emitted emitted;
};

/// After "import" and after each pass, by its flag. True ends the pipeline.
using Observer = std::function<llvm::Expected<bool>(llvm::StringRef step,
                                                    const ir::Module &)>;

/// Sees the imported model, before its module changes; may refuse it.
using ModelObserver =
    std::function<llvm::Error(const frontend::ImportResult &)>;

/// Notes and warnings go to stderr. Nothing if the observer ended it.
llvm::Expected<std::optional<Compiled>>
runPipeline(const PipelineOptions &o, const Observer &observe,
            const ModelObserver &imported = {});

} // namespace mpc::tools
