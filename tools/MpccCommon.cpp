//===- tools/MpccCommon.cpp -----------------------------------------------===//
#include "MpccCommon.h"
#include "Main.h"
#include "runtime/core/File.h"
#include "runtime/core/Npy.h"
#include "runtime/plan/Files.h"
#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>

namespace fs = std::filesystem;

namespace mpc::tools {

int fail(llvm::StringRef message) {
  std::string text = message.str();
  while (!text.empty() && text.back() == '\n')
    text.pop_back();
  if (text.find("error:") == std::string::npos)
    text = "error: " + text;
  fmt::print(stderr, "{}\n", text);
  return 1;
}
int fail(llvm::Error e) { return fail(llvm::toString(std::move(e))); }
static std::string at(const std::string &file, const mpc::Error &e) {
  // Readers of files name them already: "x.plan: byte 0x64: ...".
  const bool named = e.message.rfind(file + ": ", 0) == 0;
  return fmt::format("{}: error: {}", file,
                     named ? e.message.substr(file.size() + 2) : e.message);
}
int fail(const std::string &file, const mpc::Error &e) {
  return fail(at(file, e));
}

static std::string amount(double v, std::initializer_list<const char *> units) {
  const char *unit = *units.begin();
  for (const char *u : units) {
    unit = u;
    if (v < 1000 || u == *(units.end() - 1))
      break;
    v /= 1000;
  }
  return fmt::format("{:.{}f}{}", v, v < 100 && v != std::floor(v) ? 2 : 0,
                     unit);
}
std::string bytesText(uint64_t v) {
  return amount(static_cast<double>(v), {" B", " kB", " MB", " GB"});
}
std::string countText(uint64_t v) {
  return amount(static_cast<double>(v), {"", " k", " M", " G"});
}
std::string secondsText(double s) {
  return s >= 1      ? fmt::format("{:.2f} s", s)
         : s >= 1e-3 ? fmt::format("{:.1f} ms", s * 1e3)
                     : fmt::format("{:.0f} us", s * 1e6);
}

llvm::Error error(const std::string &message) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), "%s",
                                 message.c_str());
}

Result<ir::ConstData> toConstData(const core::NpyArray &a, ir::Elem elem) {
  ir::ConstData c{elem, ir::Shape(a.shape.begin(), a.shape.end()), {}, {}};
  if (elem == ir::Elem::F32) {
    Result<std::vector<float>> f = core::toFloat32(a);
    if (!f)
      return f.error();
    c.floats = std::move(*f);
  } else {
    Result<std::vector<int64_t>> i = core::toInt64(a);
    if (!i)
      return i.error();
    c.ints = std::move(*i);
  }
  return c;
}

llvm::Expected<std::pair<std::string, std::string>>
splitNamed(const std::string &text, llvm::StringRef option) {
  const size_t at = text.rfind('=');
  if (at == std::string::npos || at == 0 || at + 1 == text.size())
    return error(
        fmt::format("{} takes NAME=VALUE, got '{}'", option.str(), text));
  return std::pair{text.substr(0, at), text.substr(at + 1)};
}

void InputOptions::addTo(CLI::App &app) {
  app.add_option("model", model, "the ONNX model")->required();
  app.add_option("--shape", shapes,
                 "NAME=1x128: shape of an input; binds every other use of the "
                 "same symbolic dimension")
      ->take_all();
  app.add_option("--bind", binds,
                 "NAME=FILE.npy: fix an input in the plan (masks, positions); "
                 "it becomes public")
      ->take_all();
  app.add_option("--public", publics,
                 "NAME: an input that all three parties know when a session "
                 "starts (masks, positions of varying lengths)")
      ->take_all();
  app.add_option("--calibrate", calibrate,
                 "DIR with <input name>.npy: a sample; repeat for more")
      ->take_all();
  app.add_option("--public-const", publicConsts,
                 "NAME: a float initializer that is no secret")
      ->take_all();
  app.add_option("--weights-visibility", weightsVisibility,
                 "whether float initializers are the owner's secret")
      ->check(CLI::IsMember({"secret", "public"}))
      ->capture_default_str();
}

static llvm::Expected<ir::Shape> parseShape(const std::string &text) {
  ir::Shape shape;
  int64_t elements = 1;
  const char *p = text.data(), *end = p + text.size();
  while (p < end) {
    int64_t d = 0;
    auto [next, ec] = std::from_chars(p, end, d);
    if (ec != std::errc() || d < 0 || (next < end && *next != 'x') ||
        next + 1 == end)
      return error(fmt::format("--shape takes NAME=1x128, got '{}'", text));
    shape.push_back(d);
    constexpr int64_t kMostElements = int64_t{1} << 36; // of a plan's value
    elements = d > kMostElements ? kMostElements + 1 : elements * d;
    if (elements > kMostElements)
      return error(
          fmt::format("--shape '{}' has more than 2^36 elements", text));
    p = next < end ? next + 1 : end;
  }
  return shape;
}

llvm::Expected<frontend::ImportOptions> InputOptions::read() const {
  frontend::ImportOptions o;
  o.weightsPublic = weightsVisibility == "public";
  o.publicConsts.insert(publicConsts.begin(), publicConsts.end());
  o.publicInputs.insert(publics.begin(), publics.end());
  using Reveal = frontend::ImportOptions::Reveal;
  if (reveal == "argmax") {
    o.reveal = Reveal::ArgMax;
  } else if (reveal != "logits") {
    o.reveal = Reveal::TopK;
    llvm::StringRef count = reveal;
    if (!count.consume_front("topk=") ||
        count.getAsInteger(10, o.revealCount) || o.revealCount < 1)
      return error(fmt::format("--reveal takes logits, argmax or topk=K, got "
                               "'{}'",
                               reveal));
  }
  for (const std::string &s : shapes) {
    auto named = splitNamed(s, "--shape");
    if (!named)
      return named.takeError();
    auto shape = parseShape(named->second);
    if (!shape)
      return shape.takeError();
    o.shapes.emplace_back(named->first, *shape);
  }
  for (const std::string &b : binds) {
    auto named = splitNamed(b, "--bind");
    if (!named)
      return named.takeError();
    Result<core::NpyArray> a = core::readNpy(named->second);
    if (!a)
      return error(a.error().message);
    o.bound[named->first] = std::move(*a);
  }
  for (const std::string &dir : calibrate) {
    frontend::NamedArrays sample;
    std::error_code ec;
    std::vector<fs::path> files;
    for (fs::directory_iterator it(dir, ec), end; !ec && it != end;
         it.increment(ec))
      if (it->path().extension() == ".npy")
        files.push_back(it->path());
    if (ec)
      return error(fmt::format("{}: error: {}", dir, ec.message()));
    std::sort(files.begin(), files.end());
    if (files.empty())
      return error(
          fmt::format("{}: error: no .npy files for --calibrate", dir));
    for (const fs::path &f : files) {
      Result<core::NpyArray> a = core::readNpy(f.string());
      if (!a)
        return error(a.error().message);
      sample[core::decodeFileName(f.stem().string())] = std::move(*a);
    }
    o.samples.push_back(std::move(sample));
  }
  return o;
}

void addPlan(CLI::App &app, std::string &plan) {
  app.add_option("plan", plan, "the plan")->required();
}

void PlanFiles::addTo(CLI::App &app) {
  addPlan(app, plan);
  app.add_option("--weights", weights,
                 "default: the plan's name with .weights");
}

llvm::Expected<PlanFiles::Loaded> PlanFiles::load() const {
  Result<plan::Plan> p = plan::Plan::load(plan);
  if (!p)
    return error(at(plan, p.error()));
  Result<plan::Weights> w = plan::loadWeights(*p, plan, weights);
  if (!w)
    return error(at(weights.empty() ? plan::defaultWeightsPath(plan) : weights,
                    w.error()));
  return Loaded{std::move(*p), std::move(*w)};
}

void addPrecision(CLI::App &app, passes::Options &o) {
  CLI::Option *target =
      app.add_option("--target-error", o.targetError,
                     "root mean square error allowed at an output: as a "
                     "fraction of its standard deviation below 1, absolute up "
                     "to 16, of a sixteenth of it above; steers fraction bits "
                     "and tolerances")
          ->check(realIn(1e-9, 1.0))
          ->capture_default_str();
  app.add_option("--frac-bits", o.fracBits,
                 "no target: this many fraction bits for every value of "
                 "magnitude 1 to 8")
      ->check(CLI::Range(4, 24))
      ->each([&o](const std::string &) { o.uniform = true; })
      ->excludes(target);
  app.add_option("--approx-tolerance", o.tolerance,
                 "absolute error allowed to each approximated function, "
                 "instead of one that follows from the target")
      ->check(realIn(1e-7, 1.0))
      ->each([&o](const std::string &) { o.fixedTolerance = true; });
}

} // namespace mpc::tools
