// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <charconv>
#include <chrono>
#include <concepts>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "catalog/config/oslo_config.h"

namespace glance {

/// The place of a value in a glance-api.conf.
struct ConfigOption {
  std::string_view section;
  std::string_view key;
};

/// Takes typed values out of a parsed file and puts them over defaults: what the file does not set
/// stays as it is. The file must outlive it.
class ConfigReader {
 public:
  explicit ConfigReader(const OsloConfig& file) : file_(file) {}

  /// Error(invalid) with "FILE:LINE: [section] key: 'value' is not <what>; allowed: <allowed>".
  [[noreturn]] void refuse(const ConfigOption& option, const OsloConfig::Value& value,
                           std::string_view what, std::string_view allowed) const;

  /// "FILE:LINE: [section] key:", the beginning of a message.
  [[nodiscard]] std::string place(const ConfigOption& option, const OsloConfig::Value& value) const;

  /// Null if the file does not set it.
  [[nodiscard]] const OsloConfig::Value* find(const ConfigOption& option) const {
    return file_.find(option.section, option.key);
  }

  // Each throws as refuse() does.

  template <std::integral Integer>
  void number(const ConfigOption& option, Integer min, Integer max, Integer& target) const {
    const auto* value = find(option);
    if (value == nullptr || value->text.empty()) return;  // oslo.config: `workers =` is unset
    Integer parsed{};
    const char* end = value->text.data() + value->text.size();
    const auto [stop, failure] = std::from_chars(value->text.data(), end, parsed);
    if (failure != std::errc() || stop != end || parsed < min || parsed > max) {
      refuse_number(option, *value, std::to_string(min), std::to_string(max));
    }
    target = parsed;
  }

  /// A whole number of seconds, up to a day.
  template <typename Duration>
  void seconds(const ConfigOption& option, std::int64_t min, Duration& target) const {
    constexpr std::int64_t kDay = 86'400;
    auto count = std::chrono::duration_cast<std::chrono::seconds>(target).count();
    number<std::int64_t>(option, min, kDay, count);
    target = std::chrono::seconds(count);
  }

  void flag(const ConfigOption& option, bool& target) const;
  void list(const ConfigOption& option, std::vector<std::string>& target) const;
  /// An absolute path; empty is unset.
  void directory(const ConfigOption& option, std::filesystem::path& target) const;

  /// The items of `a,b` or, as options with bounds are written, `[a,b]`.
  [[nodiscard]] static std::vector<std::string> split_list(std::string_view text);

 private:
  [[noreturn]] void refuse_number(const ConfigOption& option, const OsloConfig::Value& value,
                                  const std::string& min, const std::string& max) const;

  const OsloConfig& file_;
};

}  // namespace glance
