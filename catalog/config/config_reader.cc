// SPDX-License-Identifier: Apache-2.0
#include "catalog/config/config_reader.h"

#include <algorithm>

#include <fmt/format.h>

#include "catalog/base/error.h"
#include "catalog/text/ascii.h"

namespace glance {

std::vector<std::string> ConfigReader::split_list(std::string_view text) {
  text = trim(text);
  if (text.starts_with('[') && text.ends_with(']')) text = text.substr(1, text.size() - 2);
  std::vector<std::string> items;
  while (!text.empty()) {
    const std::string_view item = text.substr(0, text.find(','));
    text.remove_prefix(std::min(item.size() + 1, text.size()));
    if (!trim(item).empty()) items.emplace_back(trim(item));
  }
  return items;
}

void ConfigReader::refuse(const ConfigOption& option, const OsloConfig::Value& value,
                          std::string_view what, std::string_view allowed) const {
  throw Error(Errc::invalid, fmt::format("{} '{}' is not {}; allowed: {}", place(option, value),
                                         value.text, what, allowed));
}

void ConfigReader::refuse_number(const ConfigOption& option, const OsloConfig::Value& value,
                                 const std::string& min, const std::string& max) const {
  refuse(option, value, "a number in range", fmt::format("{} to {}", min, max));
}

std::string ConfigReader::place(const ConfigOption& option, const OsloConfig::Value& value) const {
  return fmt::format("{}:{}: [{}] {}:", file_.file(), value.line, option.section, option.key);
}

void ConfigReader::flag(const ConfigOption& option, bool& target) const {
  const auto* value = find(option);
  if (value == nullptr) return;
  const auto flag = parse_oslo_boolean(value->text);
  if (!flag) refuse(option, *value, "a boolean", "true, false, yes, no, on, off, 1, 0");
  target = *flag;
}

void ConfigReader::list(const ConfigOption& option, std::vector<std::string>& target) const {
  if (const auto* value = find(option)) target = split_list(value->text);
}

void ConfigReader::directory(const ConfigOption& option, std::filesystem::path& target) const {
  const auto* value = find(option);
  if (value == nullptr || value->text.empty()) return;
  if (!value->text.starts_with('/')) refuse(option, *value, "an absolute path", "/PATH");
  target = std::filesystem::path(value->text).lexically_normal();
}

}  // namespace glance
