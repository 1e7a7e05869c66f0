// SPDX-License-Identifier: Apache-2.0
#include "catalog/model/attribute_text.h"

#include <charconv>
#include <cstdint>
#include <string>

#include <fmt/format.h>

#include "catalog/model/attribute_checks.h"
#include "catalog/model/tag_list.h"
#include "catalog/model/timestamp.h"

namespace glance {
namespace {

bool parse_flag(std::string_view name, std::string_view text) {
  if (text == "true" || text == "True") return true;
  if (text == "false" || text == "False") return false;
  checks::refuse_schema(fmt::format("{} is not of type 'boolean' ({}); allowed: true, false",
                                    checks::in_quotes(text), checks::in_quotes(name)));
}

std::int64_t parse_number(std::string_view name, std::string_view text) {
  std::int64_t number = 0;
  const auto [stop, failure] = std::from_chars(text.begin(), text.end(), number);
  if (failure == std::errc() && stop == text.end()) return number;
  checks::refuse_schema(
      fmt::format("{} is not of type 'integer' ({}); allowed: a number in decimal digits",
                  checks::in_quotes(text), checks::in_quotes(name)));
}

}  // namespace

AttributeValue parse_attribute(std::string_view name, std::string_view text) {
  const CoreAttribute* core = find_core_attribute(name);
  if (core == nullptr) return std::string(text);
  switch (core->type) {
    case AttributeType::boolean:
      return parse_flag(name, text);
    case AttributeType::integer:
      return parse_number(name, text);
    case AttributeType::tags:
      return split_tags(text);
    case AttributeType::timestamp:
      if (!parse_time(text)) {
        checks::refuse_schema(fmt::format("{} is not a time ({}); allowed: YYYY-MM-DDTHH:MM:SSZ",
                                          checks::in_quotes(text), checks::in_quotes(name)));
      }
      return std::string(text);
    case AttributeType::text:
    case AttributeType::locations:
      return std::string(text);
  }
  return std::string(text);
}

}  // namespace glance
