//===- tools/EvalMetrics.h - how well outputs do --------------------------===//
//
// Outputs are rows of numbers: all dimensions but the last, of all samples. A
// row is a prediction (class, next token) or a vector. Labels are one number a
// row, or one a sample of a single row; negative labels (-100) are ignored.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/core/Result.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace mpc::tools {

enum class Metric { Accuracy, Perplexity, Mse, Cosine };

struct Rows {
  std::vector<double> values;
  size_t width = 1;
  size_t count() const { return width ? values.size() / width : 0; }
  std::span<const double> row(size_t i) const {
    return std::span(values).subspan(i * width, width);
  }
};

/// Index of the largest number; the first of equals.
size_t argmax(std::span<const double> row);

/// Accuracy: share of rows whose argmax is the label. Perplexity: e to the mean
/// negative log-likelihood of the labels under softmax. Errors: a label beyond
/// the row, none that counts.
Result<double> metricOfLabels(Metric m, const Rows &rows,
                              std::span<const int64_t> labels);
/// Mse: mean squared difference. Cosine: mean over rows of the cosine, 1 for
/// two zero rows. Precondition: equal shapes.
double metricOfTargets(Metric m, const Rows &rows, const Rows &targets);

struct ErrorSummary {
  double mean = 0, max = 0, median = 0, p99 = 0;
  double deviation = 0;                ///< of the reference
  size_t rows = 0, agreeing = 0;       ///< argmax
  size_t clear = 0, clearAgreeing = 0; ///< reference's top two differ by > 0.1
  std::vector<double> perSample;       ///< largest error of each
};

/// Element-wise |rows - reference|. Precondition: equal shapes.
ErrorSummary compare(const Rows &rows, const Rows &reference, size_t samples);

/// Labels for language models: at each position the next id of the same
/// sequence; -100 at the last one, and where `mask` (if given) is 0 at either.
std::vector<int64_t> nextTokens(std::span<const int64_t> ids,
                                std::span<const int64_t> mask, size_t length);

} // namespace mpc::tools
