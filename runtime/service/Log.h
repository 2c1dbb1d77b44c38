//===- runtime/service/Log.h - structured logs, a JSON object a line ------===//
//
//   log.info("request_answered", {{"request", id}, {"seconds", 0.12}});
//   {"time":"2026-01-31T12:00:00.000Z","level":"info","party":1,
//    "event":"request_answered","request":"6f...","seconds":0.12}
//
// What happened to whom and when; never values, shares or keys: a field is a
// text, a number or a yes.
//
//===----------------------------------------------------------------------===//
#pragma once

#include <concepts>
#include <functional>
#include <initializer_list>
#include <mutex>
#include <string>
#include <string_view>

namespace mpc::service {

/// A JSON string literal; other people's bytes come out as ASCII.
std::string jsonText(std::string_view text);

class Log {
public:
  struct Field {
    std::string_view name;
    std::string json;
    Field(std::string_view name, std::string_view text)
        : name(name), json(jsonText(text)) {}
    Field(std::string_view name, const char *text)
        : Field(name, std::string_view(text)) {}
    Field(std::string_view name, const std::string &text)
        : Field(name, std::string_view(text)) {}
    template <std::integral T>
    Field(std::string_view name, T v) : name(name), json(std::to_string(v)) {}
    Field(std::string_view name, double v);
    Field(std::string_view name, bool v)
        : name(name), json(v ? "true" : "false") {}
  };
  using Fields = std::initializer_list<Field>;
  /// Gets whole lines, one at a time.
  using Sink = std::function<void(std::string_view line)>;

  Log(Sink sink, int party) : sink_(std::move(sink)), party_(party) {}

  void info(std::string_view event, Fields fields = {}) {
    write("info", event, fields);
  }
  void warn(std::string_view event, Fields fields = {}) {
    write("warn", event, fields);
  }

private:
  void write(std::string_view level, std::string_view event, Fields fields);
  Sink sink_;
  int party_;
  std::mutex mutex_;
};

} // namespace mpc::service
