//===- runtime/plan/Files.cpp ---------------------------------------------===//
#include "runtime/plan/Files.h"
#include "runtime/core/File.h"
#include "runtime/core/Secret.h"
#include "runtime/plan/Encode.h"
#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fmt/format.h>
#include <map>
#include <unistd.h>

namespace fs = std::filesystem;

namespace mpc::plan {
namespace {

Result<std::map<std::string, std::string>>
listFiles(const Plan &plan, const InputFiles &files, LoadedInputs &out) {
  std::map<std::string, std::string> byName; // encoded file stem -> path
  if (!files.directory.empty()) {
    std::error_code ec;
    for (fs::directory_iterator it(files.directory, ec), end; !ec && it != end;
         it.increment(ec))
      if (it->path().extension() == ".npy")
        byName[it->path().stem().string()] = it->path().string();
    if (ec)
      return Error{fmt::format("{}: {}", files.directory, ec.message())};
  }
  auto known = [&](const std::string &stem) {
    auto same = [&](const auto &i) {
      return core::encodeFileName(i.name) == stem;
    };
    return std::any_of(plan.inputs.begin(), plan.inputs.end(), same) ||
           std::any_of(plan.bound.begin(), plan.bound.end(), same) ||
           std::any_of(plan.open.inputs.begin(), plan.open.inputs.end(), same);
  };
  for (const auto &[stem, path] : byName)
    if (!known(stem))
      out.notes.push_back(
          fmt::format("{}: names no input of the plan; ignored", path));
  for (const std::string &o : files.overrides) {
    const size_t split = o.rfind('=');
    if (split == std::string::npos)
      return Error{fmt::format("--input takes NAME=FILE, got '{}'", o)};
    const std::string stem = core::encodeFileName(o.substr(0, split));
    if (!known(stem))
      return Error{fmt::format("--input '{}': the plan has no such input",
                               o.substr(0, split))};
    byName[stem] = o.substr(split + 1);
  }
  return byName;
}

} // namespace

void wipe(std::vector<core::NpyArray> &arrays) {
  for (core::NpyArray &a : arrays)
    core::wipe(a.bytes.data(), a.bytes.size());
  arrays.clear();
}

Result<LoadedInputs> loadInputs(const Plan &plan, const InputFiles &files) {
  LoadedInputs out;
  auto byName = listFiles(plan, files, out);
  if (!byName)
    return byName.error();
  for (const BoundInfo &b : plan.bound) {
    auto it = byName->find(core::encodeFileName(b.name));
    if (it == byName->end())
      continue;
    Result<core::NpyArray> a = core::readNpy(it->second);
    if (!a)
      return a.error();
    if (Status s = checkBound(b, *a); !s)
      return Error{fmt::format("{}: {}", it->second, s.error().message)};
  }
  auto load = [&](const char *kind, const auto &i) -> Status {
    auto it = byName->find(core::encodeFileName(i.name));
    if (it == byName->end())
      return Error{fmt::format(
          "no file for {} '{}' ({}): give --input-dir with {}.npy or "
          "--input {}=FILE",
          kind, i.name, core::toString(i.shape), core::encodeFileName(i.name),
          i.name)};
    Result<core::NpyArray> a = core::readNpy(it->second);
    if (!a)
      return a.error();
    out.arrays.push_back(std::move(*a));
    return {};
  };
  for (const InputInfo &i : plan.inputs)
    MPC_TRY(load("input", i));
  for (const PublicInputInfo &i : plan.open.inputs)
    MPC_TRY(load("public input", i));
  return out;
}

Status saveOutputs(const Plan &plan, const std::vector<core::NpyArray> &arrays,
                   const std::string &dir) {
  std::error_code ec;
  fs::create_directories(dir, ec);
  if (ec)
    return Error{fmt::format("{}: {}", dir, ec.message())};
  for (size_t i = 0; i < arrays.size(); ++i)
    MPC_TRY(core::writeNpy(
        (fs::path(dir) / (core::encodeFileName(plan.outputs[i].name) + ".npy"))
            .string(),
        arrays[i], 0600));
  return {};
}

Status checkWritable(const std::string &path) {
  std::error_code ec;
  if (fs::is_directory(path, ec))
    return Error{fmt::format("{}: is a directory", path)};
  const fs::path parent = fs::path(path).parent_path();
  const std::string dir = parent.empty() ? "." : parent.string();
  if (!fs::is_directory(dir, ec))
    return Error{fmt::format("{}: there is no directory '{}'", path, dir)};
  if (::access(dir.c_str(), W_OK) != 0)
    return Error{fmt::format("{}: {}", path, std::strerror(errno))};
  return {};
}

Status checkOutputDir(const std::string &dir) {
  if (dir.empty())
    return Error{"the name of the output directory is empty"};
  std::error_code ec;
  fs::path at = dir;
  // What is not there yet will be made in the nearest directory that is.
  while (!fs::exists(at, ec)) {
    at = at.parent_path();
    if (at.empty())
      at = ".";
  }
  if (!fs::is_directory(at, ec))
    return Error{fmt::format("{}: '{}' is not a directory", dir, at.string())};
  if (::access(at.c_str(), W_OK) != 0)
    return Error{fmt::format("{}: {}", dir, std::strerror(errno))};
  return {};
}

std::string defaultWeightsPath(const std::string &planPath) {
  fs::path p(planPath);
  if (p.extension() == ".plan")
    return p.replace_extension(".weights").string();
  return planPath + ".weights";
}

Result<std::optional<WeightsFile>> openWeights(const Plan &plan,
                                               const std::string &planPath,
                                               const std::string &path) {
  std::optional<WeightsFile> weights;
  if (path.empty() && plan.weights.empty())
    return weights;
  auto opened = WeightsFile::open(
      path.empty() ? defaultWeightsPath(planPath) : path, plan);
  if (!opened)
    return opened.error();
  weights.emplace(std::move(*opened));
  return weights;
}

Result<Weights> loadWeights(const Plan &plan, const std::string &planPath,
                            const std::string &path) {
  if (path.empty() && plan.weights.empty())
    return Weights{plan.hash(), {}};
  return Weights::load(path.empty() ? defaultWeightsPath(planPath) : path,
                       plan);
}

} // namespace mpc::plan
