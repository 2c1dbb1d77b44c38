#include "frontend/Import.h"
#include "frontend/Importer.h"
#include "frontend/ops/Ops.h"
#include "llvm/ADT/STLExtras.h"
#include <google/protobuf/stubs/logging.h>

namespace mpc::frontend {

static constexpr OpRow kRows[] = {
#define ONNX_OP(type, minOpset, maxOpset, minInputs, maxInputs, handler,       \
                attributes, notes)                                             \
  {#type,     minOpset,     maxOpset,   minInputs,                             \
   maxInputs, ops::handler, attributes, notes},
#define ONNX_MS_OP(type, minOpset, maxOpset, minInputs, maxInputs, handler,    \
                   attributes, notes)                                          \
  {"com.microsoft." #type, minOpset,   maxOpset, minInputs, maxInputs,         \
   ops::handler,           attributes, notes},
#include "frontend/OnnxOps.def"
};

llvm::ArrayRef<OpRow> opRows() { return kRows; }

std::vector<OnnxOpInfo> listOnnxOps() {
  std::vector<OnnxOpInfo> out;
  for (const OpRow &r : kRows)
    out.push_back({r.type, r.minOpset, r.maxOpset, r.attributes, r.notes});
  return out;
}

std::string Problem::str() const {
  std::string s = "node #" + std::to_string(node);
  if (!name.empty())
    s += " '" + name + "'";
  return s + " (" + opType + ", opset " + std::to_string(opset) +
         "): " + reason;
}

/// Reads the file and walks it; errors become complete lines.
static llvm::Expected<Importer>
walk(llvm::StringRef path, const ImportOptions &options, Importer::Mode mode) {
  // Protobuf reports malformed input on stderr as well; libraries are silent.
  google::protobuf::LogSilencer silent;
  auto file = ModelFile::open(path);
  if (!file)
    return file.takeError();
  Importer importer(std::move(*file), options, mode);
  if (auto e = importer.run())
    return makeError(path + ": error: " + llvm::toString(std::move(e)));
  return importer;
}

llvm::Expected<ImportResult> importOnnx(llvm::StringRef path,
                                        const ImportOptions &options) {
  auto walked = walk(path, options, Importer::Mode::Import);
  if (!walked)
    return walked.takeError();
  const auto &problems = walked->problems();
  if (problems.empty())
    return ImportResult{std::move(walked->module()),
                        std::move(walked->inputs()), std::move(walked->notes()),
                        std::move(walked->nodeTypes()),
                        std::move(walked->graph())};
  std::string text;
  const size_t shown =
      std::min<size_t>(problems.size(), std::max(options.maxErrors, 1u));
  for (const Problem &p : llvm::ArrayRef(problems).take_front(shown))
    text += (text.empty() ? "" : "\n") + path.str() + ": error: " + p.str();
  if (size_t more = problems.size() - shown)
    text += "\n" + path.str() + ": note: " + std::to_string(more) +
            (more == 1 ? " more node is" : " more nodes are") +
            " unsupported; all are listed by: mpcc check " + path.str();
  return makeError(text);
}

llvm::Expected<CheckReport> checkOnnx(llvm::StringRef path,
                                      const ImportOptions &options) {
  auto walked = walk(path, options, Importer::Mode::Check);
  if (!walked)
    return walked.takeError();
  return CheckReport{std::move(walked->problems()), walked->nodes(),
                     std::move(walked->notes())};
}

} // namespace mpc::frontend
