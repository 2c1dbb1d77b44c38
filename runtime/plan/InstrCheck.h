//===- runtime/plan/InstrCheck.h - rules that two kinds of ops share ------===//
//
// Private to this folder. The first complaint about one instruction, of the
// parties' code or of the public section, and what both ask of shapes. Messages
// name operands and results as the text does: %3, $3.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/plan/PlanCheck.h"

#include <fmt/format.h>
#include <span>

namespace mpc::plan {

/// Checks collect the first complaint; the rest do nothing.
class InstrCheck {
protected:
  using Shape = core::Shape;

  /// `in`: the operands, `out`: the result, both by number.
  InstrCheck(char sigil, std::span<const uint32_t> in, uint32_t out)
      : sigil_(sigil), in_(in), out_(out) {}
  ~InstrCheck() = default;

  virtual const Shape &argShape(size_t i) const = 0;
  virtual const Shape &outShape() const = 0;

  template <class... A> void fail(fmt::format_string<A...> f, A &&...a) {
    if (error_.empty())
      error_ = fmt::format(f, std::forward<A>(a)...);
  }
  bool failed() const { return !error_.empty(); }
  std::string argName(size_t i) const;
  std::string outName() const;

  void resultShape(const Shape &want);
  /// The result has the shape to which these broadcast.
  void broadcast(std::span<const Shape> shapes);
  /// Whether an axis is one of s.
  bool axisOf(const Shape &s, int64_t axis);
  void stridedShape(int64_t offset, const std::vector<int64_t> &strides);
  void concatShape(int64_t axis);
  /// Axes ascend; the result has them removed or 1.
  void reducedShape(const std::vector<int64_t> &axes);

  std::string error_;

private:
  const char sigil_;
  const std::span<const uint32_t> in_;
  const uint32_t out_;
};

} // namespace mpc::plan
