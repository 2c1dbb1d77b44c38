//===- runtime/service/Log.cpp --------------------------------------------===//
#include "runtime/service/Log.h"

#include <chrono>
#include <cmath>
#include <ctime>
#include <fmt/format.h>

namespace mpc::service {

std::string jsonText(std::string_view text) {
  std::string out = "\"";
  for (const char ch : text) {
    const auto c = static_cast<unsigned char>(ch);
    if (c == '"' || c == '\\')
      (out += '\\') += ch;
    else if (c < 0x20 || c > 0x7e)
      out += fmt::format("\\u{:04x}", c);
    else
      out += ch;
  }
  return out + '"';
}

Log::Field::Field(std::string_view name, double v)
    : name(name), json(std::isfinite(v) ? fmt::format("{:.6g}", v) : "null") {}

void Log::write(std::string_view level, std::string_view event, Fields fields) {
  const auto now = std::chrono::system_clock::now();
  const std::time_t seconds = std::chrono::system_clock::to_time_t(now);
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(
                      now.time_since_epoch())
                      .count() %
                  1000;
  std::tm tm = {};
  gmtime_r(&seconds, &tm);
  char stamp[32];
  std::strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &tm);
  std::string line =
      fmt::format("{{\"time\":\"{}.{:03}Z\",\"level\":\"{}\",\"party\":{},"
                  "\"event\":{}",
                  stamp, ms, level, party_, jsonText(event));
  for (const Field &f : fields)
    line += fmt::format(",{}:{}", jsonText(f.name), f.json);
  line += "}\n";
  std::lock_guard lock(mutex_);
  sink_(line);
}

} // namespace mpc::service
