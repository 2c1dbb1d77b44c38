//===- runtime/core/Ascii.h - text that others wrote ----------------------===//
#pragma once

#include <cstddef>
#include <string_view>

namespace mpc::core {

/// c, or '?' for what does not print: others' texts reach terminals and logs.
inline char printable(char c) {
  const auto u = static_cast<unsigned char>(c);
  return u < 0x20 || u > 0x7e ? '?' : c;
}

/// Configuration files are plain ASCII. The first line with a byte beyond ASCII
/// outside of a comment, which '#' begins; 0 where there is none. toml++ 3.3
/// runs into undefined behaviour at some letters where it looks for space, so
/// that our files have none.
inline size_t lineBeyondAscii(std::string_view text) {
  size_t line = 1;
  bool comment = false;
  for (const char c : text)
    if (c == '\n') {
      ++line;
      comment = false;
    } else if (c == '#') {
      comment = true;
    } else if (!comment && static_cast<unsigned char>(c) > 0x7f) {
      return line;
    }
  return 0;
}

} // namespace mpc::core
