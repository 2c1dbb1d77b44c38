//===- tools/EvalMetrics.cpp ----------------------------------------------===//
#include "EvalMetrics.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <fmt/format.h>

namespace mpc::tools {

size_t argmax(std::span<const double> row) {
  return static_cast<size_t>(std::max_element(row.begin(), row.end()) -
                             row.begin());
}

namespace {

double negativeLogLikelihood(std::span<const double> row, size_t label) {
  const double top = *std::max_element(row.begin(), row.end());
  double sum = 0;
  for (double x : row)
    sum += std::exp(x - top);
  return std::log(sum) - (row[label] - top);
}

double cosine(std::span<const double> a, std::span<const double> b) {
  double ab = 0, aa = 0, bb = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    ab += a[i] * b[i];
    aa += a[i] * a[i];
    bb += b[i] * b[i];
  }
  if (aa == 0 || bb == 0)
    return aa == bb ? 1 : 0;
  return ab / std::sqrt(aa * bb);
}

} // namespace

Result<double> metricOfLabels(Metric m, const Rows &rows,
                              std::span<const int64_t> labels) {
  assert(m == Metric::Accuracy || m == Metric::Perplexity);
  if (labels.size() != rows.count())
    return Error{fmt::format("{} labels for {} rows of the output",
                             labels.size(), rows.count())};
  size_t counted = 0;
  double sum = 0;
  for (size_t i = 0; i < labels.size(); ++i) {
    if (labels[i] < 0)
      continue;
    const auto label = static_cast<size_t>(labels[i]);
    if (label >= rows.width)
      return Error{fmt::format("label {} of row {} is beyond the {} classes",
                               labels[i], i, rows.width)};
    ++counted;
    sum += m == Metric::Accuracy
               ? static_cast<double>(argmax(rows.row(i)) == label)
               : negativeLogLikelihood(rows.row(i), label);
  }
  if (counted == 0)
    return Error{"every label is ignored"};
  const double mean = sum / static_cast<double>(counted);
  return m == Metric::Accuracy ? mean : std::exp(mean);
}

double metricOfTargets(Metric m, const Rows &rows, const Rows &targets) {
  assert(rows.values.size() == targets.values.size());
  double sum = 0;
  if (m == Metric::Cosine) {
    for (size_t i = 0; i < rows.count(); ++i)
      sum += cosine(rows.row(i), targets.row(i));
    return sum / static_cast<double>(std::max<size_t>(rows.count(), 1));
  }
  for (size_t i = 0; i < rows.values.size(); ++i) {
    const double d = rows.values[i] - targets.values[i];
    sum += d * d;
  }
  return sum / static_cast<double>(std::max<size_t>(rows.values.size(), 1));
}

ErrorSummary compare(const Rows &rows, const Rows &reference, size_t samples) {
  assert(rows.values.size() == reference.values.size() && samples > 0);
  ErrorSummary s;
  std::vector<double> errors;
  double sum = 0, squares = 0;
  for (size_t i = 0; i < rows.values.size(); ++i) {
    errors.push_back(std::fabs(rows.values[i] - reference.values[i]));
    s.mean += errors.back();
    sum += reference.values[i];
    squares += reference.values[i] * reference.values[i];
  }
  if (errors.empty())
    return s;
  const auto n = static_cast<double>(errors.size());
  s.mean /= n;
  s.deviation = std::sqrt(std::max(0.0, squares / n - sum / n * (sum / n)));
  const size_t each = errors.size() / samples;
  for (size_t i = 0; i < samples; ++i)
    s.perSample.push_back(
        each ? *std::max_element(errors.begin() + i * each,
                                 errors.begin() + (i + 1) * each)
             : 0);
  std::sort(errors.begin(), errors.end());
  s.max = errors.back();
  s.median = errors[errors.size() / 2];
  s.p99 = errors[(errors.size() - 1) * 99 / 100];
  s.rows = rows.count();
  for (size_t i = 0; i < s.rows; ++i) {
    const std::span<const double> want = reference.row(i);
    const size_t top = argmax(want);
    const bool same = argmax(rows.row(i)) == top;
    double second = -INFINITY;
    for (size_t j = 0; j < want.size(); ++j)
      if (j != top)
        second = std::max(second, want[j]);
    const bool clear = want[top] - second > 0.1;
    s.agreeing += same;
    s.clear += clear;
    s.clearAgreeing += clear && same;
  }
  return s;
}

std::vector<int64_t> nextTokens(std::span<const int64_t> ids,
                                std::span<const int64_t> mask, size_t length) {
  constexpr int64_t kIgnored = -100;
  std::vector<int64_t> labels(ids.size(), kIgnored);
  for (size_t i = 0; i + 1 < ids.size(); ++i)
    if ((i + 1) % length != 0 &&
        (mask.empty() || (mask[i] != 0 && mask[i + 1] != 0)))
      labels[i] = ids[i + 1];
  return labels;
}

} // namespace mpc::tools
