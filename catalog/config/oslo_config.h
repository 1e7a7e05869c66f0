// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace glance {

/// A file in oslo.config's INI dialect, the one that glance-api.conf is written in:
///  - comments only on lines of their own, which begin with `#` or `;` in the first column, so that
///    a password may hold either;
///  - `key = value` or `key: value`, whichever sign comes first; one pair of quotes around the
///    value goes away;
///  - a line that begins with a blank continues the value above it, after a newline;
///  - a key may be repeated: all values are kept, and the last one counts where one is wanted;
///  - `[DEFAULT]` is written so, other sections' names in any case.
/// `$name` is not substituted. A value; safe for concurrent reading.
class OsloConfig {
 public:
  struct Value {
    std::string text;
    std::size_t line = 0;  ///< of its key, from 1
  };

  /// Errors: not_found, forbidden and others of open(2); invalid, as parse().
  [[nodiscard]] static OsloConfig read(const std::filesystem::path& path);

  /// Parses a file's text; `file` is its name in messages. Error: invalid, "FILE:LINE: what". The
  /// line itself is not quoted, since there may be a password in it.
  [[nodiscard]] static OsloConfig parse(std::string_view text, std::string file);

  /// The last value of the key; null if the file does not set it.
  [[nodiscard]] const Value* find(std::string_view section, std::string_view key) const;

  /// The section's keys, each with its last value.
  [[nodiscard]] std::map<std::string, Value> section(std::string_view name) const;

  [[nodiscard]] const std::string& file() const noexcept { return file_; }

 private:
  class Parser;
  using Key = std::pair<std::string, std::string>;

  explicit OsloConfig(std::string file) : file_(std::move(file)) {}

  std::string file_;
  std::map<Key, Value> values_;  // of a repeated key the last
};

/// `true`, `1`, `on`, `yes` and their contraries, in any case; nothing for any other text.
[[nodiscard]] std::optional<bool> parse_oslo_boolean(std::string_view text);

}  // namespace glance
