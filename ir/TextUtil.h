//===- ir/TextUtil.h - numbers as text, exactly, private to ir/ -----------===//
#pragma once

#include "llvm/ADT/StringRef.h"
#include <charconv>
#include <cmath>
#include <string>

namespace mpc::ir {

/// Shortest text that reads back as the same number: "0.5", "1e+30", "3",
/// "-inf", "nan".
template <class T> std::string formatNumber(T value) {
  if (std::isnan(value))
    return "nan";
  char buffer[64];
  auto end = std::to_chars(buffer, buffer + sizeof(buffer), value).ptr;
  return std::string(buffer, end);
}

/// The same, always recognisable as a real: "3.0".
template <class T> std::string formatReal(T value) {
  std::string text = formatNumber(value);
  if (text.find_first_of(".enaif") == std::string::npos)
    text += ".0";
  return text;
}

/// Reads a decimal number, inf or nan at the start of `text`. Returns the
/// number of characters read, 0 if there is none or it does not fit.
template <class T> size_t parseNumberPrefix(llvm::StringRef text, T &value) {
  auto [end, ec] =
      std::from_chars(text.data(), text.data() + text.size(), value);
  if (ec != std::errc())
    return 0;
  return static_cast<size_t>(end - text.data());
}

} // namespace mpc::ir
