//===- tools/Toml.cpp -----------------------------------------------------===//
#include "Toml.h"

#include "runtime/core/Ascii.h"
#include "runtime/core/File.h"
#include <cmath>
#include <fmt/format.h>
#include <sstream>

namespace mpc::tools {
namespace {

std::string place(const std::string &file, const toml::source_region &s) {
  return fmt::format("{}:{}:{}", file, s.begin.line, s.begin.column);
}

std::string shown(const toml::node &n) {
  std::ostringstream out;
  n.visit([&](const auto &v) { out << v; });
  std::string text = out.str();
  if (n.is_table() || n.is_array() || text.size() > 40)
    return n.is_table() ? "a table" : n.is_array() ? "an array" : "a long text";
  return text;
}

} // namespace

Result<toml::table> parseTomlFile(const std::string &path) {
  Result<std::vector<uint8_t>> bytes = core::readFile(path);
  if (!bytes)
    return bytes.error();
  const std::string_view text(reinterpret_cast<const char *>(bytes->data()),
                              bytes->size());
  if (const size_t line = core::lineBeyondAscii(text))
    return Error{fmt::format("{}:{}: error: only comments may have letters "
                             "beyond ASCII",
                             path, line)};
  try { // toml++ as Debian builds it throws
    return toml::parse(text);
  } catch (const toml::parse_error &e) {
    return Error{
        fmt::format("{}: error: {}", place(path, e.source()), e.description())};
  }
}

std::string TomlReader::name(std::string_view key) const {
  return where_.empty() ? std::string(key) : fmt::format("{}.{}", where_, key);
}

Error TomlReader::error(std::string_view key,
                        const std::string &message) const {
  const toml::node *n = table_.get(key);
  return Error{fmt::format("{}: error: '{}' {}",
                           tools::place(file_, (n ? *n : table_).source()),
                           name(key), message)};
}

const toml::node *TomlReader::find(std::string_view key) {
  asked_.emplace(key);
  return table_.get(key);
}

Status TomlReader::number(std::string_view key, double &value, double scale,
                          bool orZero) {
  const toml::node *n = find(key);
  if (!n)
    return {};
  const std::optional<double> v = n->value<double>();
  if (!n->is_number() || !v)
    return error(key, fmt::format("is {}; a number is expected", shown(*n)));
  if (!std::isfinite(*v) || *v < 0 || (*v == 0 && !orZero))
    return error(key, fmt::format("is {}; it must be {}", shown(*n),
                                  orZero ? "0 or more" : "positive"));
  value = *v * scale;
  return {};
}

Status TomlReader::flag(std::string_view key, bool &value) {
  const toml::node *n = find(key);
  if (!n)
    return {};
  if (!n->is_boolean())
    return error(key,
                 fmt::format("is {}; true or false is expected", shown(*n)));
  value = *n->value<bool>();
  return {};
}

Status TomlReader::text(std::string_view key, std::string &value) {
  const toml::node *n = find(key);
  if (!n)
    return {};
  if (!n->is_string())
    return error(key, fmt::format("is {}; a text is expected", shown(*n)));
  value = *n->value<std::string>();
  return {};
}

Status TomlReader::real(std::string_view key, double &value) {
  const toml::node *n = find(key);
  if (!n)
    return {};
  const std::optional<double> v = n->value<double>();
  if (!n->is_number() || !v || !std::isfinite(*v))
    return error(key,
                 fmt::format("is {}; a finite number is expected", shown(*n)));
  value = *v;
  return {};
}

Status TomlReader::reals(std::string_view key, std::vector<double> &values) {
  const toml::node *n = find(key);
  if (!n)
    return {};
  if (!n->is_array())
    return error(
        key, fmt::format("is {}; an array of numbers is expected", shown(*n)));
  for (const toml::node &e : *n->as_array()) {
    const std::optional<double> v = e.value<double>();
    if (!e.is_number() || !v || !std::isfinite(*v))
      return Error{fmt::format(
          "{}: error: '{}' has {} among its numbers; finite ones are expected",
          tools::place(file_, e.source()), name(key), shown(e))};
    values.push_back(*v);
  }
  return {};
}

Result<std::vector<TomlReader>> TomlReader::tables(std::string_view key) {
  std::vector<TomlReader> result;
  const toml::node *n = find(key);
  if (!n)
    return result;
  if (!n->is_array())
    return error(
        key, fmt::format("is {}; an array of tables is expected", shown(*n)));
  for (const toml::node &e : *n->as_array()) {
    if (!e.is_table())
      return Error{fmt::format("{}: error: '{}' has {} among its tables",
                               tools::place(file_, e.source()), name(key),
                               shown(e))};
    result.push_back(TomlReader(
        *e.as_table(), file_, fmt::format("{}[{}]", name(key), result.size())));
  }
  return result;
}

std::string TomlReader::place() const {
  return tools::place(file_, table_.source());
}

Result<std::optional<TomlReader>> TomlReader::table(std::string_view key) {
  const toml::node *n = find(key);
  if (!n)
    return std::optional<TomlReader>();
  if (!n->is_table())
    return error(key, fmt::format("is {}; a table is expected: [{}]", shown(*n),
                                  name(key)));
  return std::optional<TomlReader>(
      TomlReader(*n->as_table(), file_, name(key)));
}

Status TomlReader::done() const {
  for (const auto &[key, node] : table_)
    if (!asked_.contains(key.str())) {
      std::string known;
      for (const std::string &k : asked_)
        known += (known.empty() ? "" : ", ") + k;
      return error(key.str(), "is not known; known here: " + known);
    }
  return {};
}

} // namespace mpc::tools
