//===- runtime/plan/PlanText.h - pieces of a plan's text ------------------===//
//
// Private to this folder: what assembler and disassembler share, and the lines
// of the public section. The format is described in Disassembler.cpp.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/plan/PlanCheck.h"

#include <charconv>
#include <fmt/format.h>

namespace mpc::plan {

/// A cursor in one line. The first failure sticks; later reads give zeros.
class Line {
public:
  explicit Line(std::string_view text) : text_(text) { skip(); }

  bool ok() const { return error_.empty(); }
  const std::string &error() const { return error_; }
  size_t column() const { return errorAt_ + 1; }
  bool atEnd() const { return pos_ == text_.size(); }
  char peek() const { return atEnd() ? '\0' : text_[pos_]; }

  void fail(std::string message) {
    if (!ok())
      return;
    error_ = std::move(message);
    errorAt_ = pos_;
  }
  /// Takes `token` and the space after it if it comes next.
  bool take(std::string_view token) {
    if (!ok() || !text_.substr(pos_).starts_with(token))
      return false;
    pos_ += token.size();
    skip();
    return true;
  }
  void expect(std::string_view token) {
    if (!take(token))
      fail(fmt::format("expected '{}'", token));
  }
  /// Letters, digits, '_' and '.'.
  std::string_view word() {
    size_t end = pos_;
    while (end < text_.size() &&
           (std::isalnum(static_cast<unsigned char>(text_[end])) ||
            text_[end] == '_' || text_[end] == '.'))
      ++end;
    std::string_view w = text_.substr(pos_, end - pos_);
    if (w.empty())
      fail("expected a word");
    pos_ = end;
    skip();
    return w;
  }
  template <class T> T number() {
    T v{};
    if (!ok())
      return v;
    const char *begin = text_.data() + pos_;
    auto [end, ec] = std::from_chars(begin, text_.data() + text_.size(), v);
    if (ec != std::errc{}) {
      fail(ec == std::errc::result_out_of_range ? "number is out of range"
                                                : "expected a number");
      return T{};
    }
    pos_ += static_cast<size_t>(end - begin);
    skip();
    return v;
  }
  std::string quoted(char quote) {
    std::string out;
    if (!ok() || peek() != quote) {
      fail(fmt::format("expected {}", quote));
      return out;
    }
    for (++pos_; pos_ < text_.size() && text_[pos_] != quote; ++pos_) {
      char c = text_[pos_];
      if (c == '\\' && pos_ + 1 < text_.size()) {
        c = text_[++pos_];
        if (c == 'x') {
          unsigned v = 0;
          const char *at = text_.data() + pos_ + 1;
          if (text_.size() - pos_ < 3 ||
              std::from_chars(at, at + 2, v, 16).ptr != at + 2) {
            fail("expected two hexadecimal digits after \\x");
            return out;
          }
          c = static_cast<char>(v);
          pos_ += 2;
        }
      }
      out += c;
    }
    if (atEnd()) {
      fail(fmt::format("expected {} at the end of the name", quote));
      return out;
    }
    ++pos_;
    skip();
    return out;
  }
  /// [2x3]; [] is a scalar.
  core::Shape shape() {
    core::Shape s;
    expect("[");
    while (ok() && peek() != ']') {
      if (!s.empty())
        expect("x");
      s.push_back(number<int64_t>());
    }
    expect("]");
    return s;
  }
  core::DType dtype() {
    size_t start = pos_;
    std::string_view w = word();
    for (int i = 0; i <= static_cast<int>(core::DType::F64); ++i)
      if (core::dtypeName(static_cast<core::DType>(i)) == w)
        return static_cast<core::DType>(i);
    pos_ = start;
    fail(fmt::format("unknown dtype '{}'", w));
    return core::DType::F32;
  }
  /// [0.5, 2]
  void interval(double &lo, double &hi) {
    expect("[");
    lo = number<double>();
    expect(",");
    hi = number<double>();
    expect("]");
  }
  void ringFrac(uint8_t &ring, int16_t &frac) {
    expect("ring");
    ring = number<uint8_t>();
    expect("frac");
    frac = number<int16_t>();
  }
  void end() {
    if (!atEnd())
      fail("expected the end of the line");
  }
  void rewind(size_t to) { pos_ = to; }
  size_t position() const { return pos_; }

private:
  void skip() {
    while (pos_ < text_.size() && (text_[pos_] == ' ' || text_[pos_] == '\t'))
      ++pos_;
  }
  std::string_view text_;
  size_t pos_ = 0, errorAt_ = 0;
  std::string error_;
};

/// The quote, backslashes and control characters are escaped.
std::string quoted(std::string_view s, char quote);
/// "[1x8]"
std::string shapeText(const core::Shape &s);

/// A line of the public section, its end included.
void printPublicInstr(std::string &text, const Plan &plan, size_t index);
/// After the mnemonic, up to the location.
PublicInstr parsePublicInstr(Line &l, const PublicOpInfo &op);
/// After the word.
PublicInputInfo parsePublicInput(Line &l);

} // namespace mpc::plan
