//===- tools/Toml.h - tables of a TOML file, with places in errors --------===//
//
// A reader for files whose keys are all known: each read marks its key, and
// `done` complains about what nobody asked for. Errors read
// "lan.toml:3:9: error: 'machine.cores' is \"two\"; a number is expected".
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/core/Result.h"
#include <optional>
#include <set>
#include <string>
#include <toml++/toml.h>
#include <vector>

namespace mpc::tools {

/// Parses a file. Errors name line and column.
Result<toml::table> parseTomlFile(const std::string &path);

class TomlReader {
public:
  /// `where`: dotted name of the table in the file, "" for the root. Keeps
  /// references to both.
  TomlReader(const toml::table &table, const std::string &file,
             std::string where = {})
      : table_(table), file_(file), where_(std::move(where)) {}

  bool has(std::string_view key) const { return table_.contains(key); }
  /// These leave `value` as it is where the key is absent. A number must be
  /// positive, or at least 0 with `orZero`; it is multiplied by `scale`.
  Status number(std::string_view key, double &value, double scale = 1,
                bool orZero = false);
  Status flag(std::string_view key, bool &value);
  Status text(std::string_view key, std::string &value);
  /// A finite number of any sign.
  Status real(std::string_view key, double &value);
  Status reals(std::string_view key, std::vector<double> &values);
  /// The elements of an array of tables; none if the key is absent.
  Result<std::vector<TomlReader>> tables(std::string_view key);
  /// "FILE:LINE:COLUMN" of this table.
  std::string place() const;
  /// A table inside, or nothing.
  Result<std::optional<TomlReader>> table(std::string_view key);
  /// Error if a key was never asked for.
  Status done() const;

  /// "FILE:LINE:COLUMN: error: 'where.key' MESSAGE".
  Error error(std::string_view key, const std::string &message) const;

private:
  const toml::node *find(std::string_view key);
  std::string name(std::string_view key) const;

  const toml::table &table_;
  const std::string &file_;
  std::string where_;
  std::set<std::string, std::less<>> asked_;
};

} // namespace mpc::tools
