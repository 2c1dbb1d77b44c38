//===- tools/EvalData.cpp -------------------------------------------------===//
#include "EvalData.h"

#include "runtime/core/File.h"
#include "runtime/plan/Encode.h"

#include <filesystem>
#include <fmt/format.h>

namespace fs = std::filesystem;

namespace mpc::tools {
namespace {

fs::path fileOf(const std::string &dir, const char *part,
                const std::string &name) {
  const std::string file = core::encodeFileName(name) + ".npy";
  const fs::path inPart = fs::path(dir) / part / file;
  std::error_code ec;
  return fs::exists(inPart, ec) ? inPart : fs::path(dir) / file;
}

/// Batches in an array, or nothing if its shape is not a number of them.
std::optional<size_t> batches(const core::Shape &array,
                              const core::Shape &batch) {
  if (array == batch)
    return 1;
  if (array.size() != batch.size() || batch.empty() || batch[0] == 0 ||
      array[0] % batch[0] != 0 || array[0] == 0 ||
      !std::equal(array.begin() + 1, array.end(), batch.begin() + 1))
    return std::nullopt;
  return static_cast<size_t>(array[0] / batch[0]);
}

} // namespace

core::NpyArray DataSet::slice(const Column &c, size_t i) {
  if (c.shared)
    return c.array;
  const size_t bytes = static_cast<size_t>(core::numel(c.batch)) *
                       core::dtypeSize(c.array.dtype);
  const auto from = c.array.bytes.begin() + static_cast<ptrdiff_t>(i * bytes);
  return {c.array.dtype, c.batch,
          std::vector<uint8_t>(from, from + static_cast<ptrdiff_t>(bytes))};
}

Result<DataSet> DataSet::open(const plan::Plan &plan, const std::string &dir) {
  DataSet d;
  d.dir_ = dir;
  std::error_code ec;
  if (!fs::is_directory(dir, ec))
    return Error{fmt::format("{}: not a directory", dir)};
  std::string counted; // the file that said how many samples there are
  auto add = [&](const std::string &name, const core::Shape &batch,
                 bool required) -> Status {
    const std::string path = fileOf(dir, "inputs", name).string();
    if (!required && !fs::exists(path, ec))
      return {};
    Result<core::NpyArray> a = core::readNpy(path);
    if (!a)
      return a.error();
    const std::optional<size_t> n = batches(a->shape, batch);
    if (!n)
      return Error{fmt::format("{}: shape {} is no whole number of the plan's "
                               "batches of {}",
                               path, core::toString(a->shape),
                               core::toString(batch))};
    if (*n > 1) {
      if (d.samples_ > 1 && d.samples_ != *n)
        return Error{fmt::format("{}: has {} samples, {} has {}", path, *n,
                                 counted, d.samples_)};
      d.samples_ = *n;
      counted = path;
    }
    d.columns_[name] = {std::move(*a), batch, *n == 1};
    return {};
  };
  d.samples_ = 1;
  for (const plan::InputInfo &i : plan.inputs) {
    MPC_TRY(add(i.name, i.shape, true));
    d.order_.push_back(i.name);
  }
  for (const plan::PublicInputInfo &i : plan.open.inputs) {
    MPC_TRY(add(i.name, i.shape, true));
    d.order_.push_back(i.name);
  }
  for (const plan::BoundInfo &b : plan.bound)
    MPC_TRY(add(b.name, b.shape, false));
  for (const plan::BoundInfo &b : plan.bound)
    if (const auto it = d.columns_.find(b.name); it != d.columns_.end())
      for (size_t i = 0; i < (it->second.shared ? 1 : d.samples_); ++i)
        if (Status s = plan::checkBound(b, slice(it->second, i)); !s)
          return Error{fmt::format(
              "{}: sample {}: {}; compile with '{}' secret or --public to "
              "evaluate samples that differ in it",
              fileOf(dir, "inputs", b.name).string(), i, s.error().message,
              b.name)};
  return d;
}

std::vector<core::NpyArray> DataSet::inputs(size_t i) const {
  std::vector<core::NpyArray> arrays;
  for (const std::string &name : order_)
    arrays.push_back(slice(columns_.at(name), i));
  return arrays;
}

std::map<std::string, core::NpyArray> DataSet::namedInputs(size_t i) const {
  std::map<std::string, core::NpyArray> arrays;
  for (const auto &[name, column] : columns_)
    arrays.emplace(name, slice(column, i));
  return arrays;
}

const core::NpyArray *DataSet::column(const std::string &input) const {
  const auto it = columns_.find(input);
  return it == columns_.end() ? nullptr : &it->second.array;
}

Result<std::optional<core::NpyArray>>
DataSet::golden(const plan::OutputInfo &output) const {
  const fs::path path =
      fs::path(dir_) / "outputs" / (core::encodeFileName(output.name) + ".npy");
  std::error_code ec;
  if (!fs::exists(path, ec))
    return std::optional<core::NpyArray>();
  Result<core::NpyArray> a = core::readNpy(path.string());
  if (!a)
    return a.error();
  if (batches(a->shape, output.shape) != samples_)
    return Error{fmt::format("{}: shape {} is not {} samples of {}",
                             path.string(), core::toString(a->shape), samples_,
                             core::toString(output.shape))};
  return std::optional(std::move(*a));
}

} // namespace mpc::tools
