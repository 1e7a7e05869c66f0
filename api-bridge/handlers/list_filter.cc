// SPDX-License-Identifier: Apache-2.0
#include "api-bridge/handlers/list_filter.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "api-bridge/wire/http.h"
#include "api-bridge/wire/http_error.h"
#include "catalog/model/timestamp.h"
#include "catalog/text/ascii.h"

namespace glance::api {
namespace {

struct ColumnName {
  std::string_view name;
  ImageColumn column;
};

/// Filters whose value may carry an operator (`eq:x`, `in:a,b`).
constexpr std::array<ColumnName, 5> kListed = {{
    {"id", ImageColumn::id},
    {"name", ImageColumn::name},
    {"status", ImageColumn::status},
    {"disk_format", ImageColumn::disk_format},
    {"container_format", ImageColumn::container_format},
}};

/// Filters whose value is taken as it stands.
constexpr std::array<ColumnName, 4> kLiteral = {{
    {"owner", ImageColumn::owner},
    {"checksum", ImageColumn::checksum},
    {"os_hash_algo", ImageColumn::os_hash_algo},
    {"os_hash_value", ImageColumn::os_hash_value},
}};

constexpr std::array<ColumnName, 4> kNumbers = {{
    {"size", ImageColumn::size},
    {"virtual_size", ImageColumn::virtual_size},
    {"min_disk", ImageColumn::min_disk},
    {"min_ram", ImageColumn::min_ram},
}};

constexpr std::array<ColumnName, 2> kTimes = {{
    {"created_at", ImageColumn::created_at},
    {"updated_at", ImageColumn::updated_at},
}};

constexpr std::array<std::pair<std::string_view, Comparison>, 6> kComparisons = {{
    {"eq", Comparison::equal},
    {"neq", Comparison::not_equal},
    {"lt", Comparison::less},
    {"lte", Comparison::less_or_equal},
    {"gt", Comparison::greater},
    {"gte", Comparison::greater_or_equal},
}};

template <std::size_t N>
std::optional<ImageColumn> find_column(const std::array<ColumnName, N>& names,
                                       std::string_view name) {
  const auto* found = std::ranges::find(names, name, &ColumnName::name);
  return found == names.end() ? std::nullopt : std::optional(found->column);
}

/// A filter that no image passes: what Glance makes of a value that no image can have.
ImageFilter nothing(ImageColumn column) {
  return {.column = column, .values = {}};
}

/// `operator:operand`. A time without an operator has colons too.
struct Expression {
  std::string operation;
  std::string operand;
};

Expression split_operator(const std::string& text) {
  const auto colon = text.find(':');
  if (colon == std::string::npos || parse_iso_time(text)) return {"eq", text};
  return {text.substr(0, colon), text.substr(colon + 1)};
}

ImageFilter listed_filter(ImageColumn column, const std::string& text) {
  const auto [operation, operand] = split_operator(text);
  if (operation == "eq") return {.column = column, .values = {operand}};
  if (operation == "in") return {.column = column, .values = split_in_list(operand)};
  throw HttpError(400, fmt::format("Unable to filter by unknown operator '{}'.", operation));
}

ImageFilter time_filter(std::string_view name, ImageColumn column, const std::string& text) {
  const auto [operation, operand] = split_operator(text);
  const auto time = parse_iso_time(operand);
  if (!time) {
    throw HttpError(400, fmt::format("Bad \"{}\" query filter format. Use ISO 8601 DateTime "
                                     "notation.",
                                     name));
  }
  for (const auto& [known, comparison] : kComparisons) {
    if (operation == known) return {column, {format_db_time(*time)}, comparison};
  }
  throw HttpError(400, "Unable to filter on a unknown operator.");
}

/// A whole number as people write it; saturated where it does not fit.
std::optional<std::int64_t> parse_number(std::string_view text) {
  text = trim(text);
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  if (text.empty() || text.find_first_not_of("0123456789") != std::string_view::npos) {
    return std::nullopt;
  }
  std::int64_t number = INT64_MAX;
  std::from_chars(text.begin(), text.end(), number);
  return negative ? -number : number;
}

ImageFilter number_filter(ImageColumn column, std::string_view text) {
  const auto number = parse_number(text);
  if (!number) return nothing(column);
  return {.column = column, .values = {std::to_string(*number)}};
}

bool is_bound(std::string_view name) {
  return name.ends_with("_min") || name.ends_with("_max");
}

/// `size_min=…`, `min_ram_max=…`.
ImageFilter bound_filter(std::string_view name, std::string_view text) {
  const auto number = parse_number(text);
  if (!number) throw HttpError(400, "Unable to filter on a range with a non-numeric value.");
  const auto column = find_column(kNumbers, name.substr(0, name.size() - 4));
  if (!column) {
    throw HttpError(400, fmt::format("Unable to filter on a range of '{}'; allowed: size, "
                                     "virtual_size, min_disk, min_ram.",
                                     name.substr(0, name.size() - 4)));
  }
  const auto comparison =
      name.ends_with("_min") ? Comparison::greater_or_equal : Comparison::less_or_equal;
  return {*column, {std::to_string(*number)}, comparison};
}

/// Both filters of flags refuse other words, each in its own way.
[[noreturn]] void refuse_flag(std::string_view name, std::string_view text) {
  throw HttpError(400, fmt::format("Invalid value '{}' for '{}' filter. Valid values are 'true' or "
                                   "'false'.",
                                   text, name));
}

ImageFilter protected_filter(std::string_view text) {
  if (text != "true" && text != "false") refuse_flag("protected", text);
  return {.column = ImageColumn::is_protected, .values = {text == "true" ? "1" : "0"}};
}

bool parse_hidden(std::string_view text) {
  if (equal_ignoring_case(text, "true")) return true;
  if (!equal_ignoring_case(text, "false")) refuse_flag("os_hidden", text);
  return false;
}

void set_visibility(const std::string& text, ImageQuery& query) {
  query.foreign_community = true;
  query.visibility = parse_visibility(text);
  if (query.visibility || text == "all") return;
  if (!text.empty()) throw HttpError(400, fmt::format("Invalid visibility value: {}", text));
  query.filters.push_back(nothing(ImageColumn::id));
}

void set_membership(std::string_view text, ImageQuery& query) {
  query.membership = parse_member_status(text);
  if (!query.membership && text != "all") {
    throw HttpError(400, fmt::format("Invalid status: {}", text));
  }
}

}  // namespace

std::vector<std::string> split_in_list(std::string_view list) {
  const auto refuse = [list](std::string_view why) {
    throw HttpError(400, fmt::format("Invalid filter value {}. {}", list, why));
  };
  std::vector<std::string> values;
  std::size_t at = 0;
  while (at < list.size()) {
    std::string value;
    if (list[at] == '"') {
      for (++at; at < list.size() && list[at] != '"'; ++at) {
        if (list[at] == '\\' && at + 1 < list.size()) ++at;
        value += list[at];
      }
      if (at == list.size()) refuse("The quote is not closed.");
      ++at;
      if (at < list.size() && list[at] != ',') {
        refuse("There is no comma after closing quotation mark.");
      }
    } else {
      value = list.substr(at, list.substr(at).find(','));
      at += value.size();
      if (value.find('"') != std::string::npos) {
        refuse("There is no comma before opening quotation mark.");
      }
    }
    values.push_back(std::move(value));
    if (at < list.size()) ++at;  // the comma
  }
  return values;
}

void add_list_filter(const std::string& name, const std::string& value, ImageQuery& query) {
  if (const auto listed = find_column(kListed, name)) {
    query.filters.push_back(listed_filter(*listed, value));
  } else if (const auto literal = find_column(kLiteral, name)) {
    query.filters.push_back({.column = *literal, .values = {value}});
  } else if (const auto number = find_column(kNumbers, name)) {
    query.filters.push_back(number_filter(*number, value));
  } else if (const auto time = find_column(kTimes, name)) {
    query.filters.push_back(time_filter(name, *time, value));
  } else if (is_bound(name)) {
    query.filters.push_back(bound_filter(name, value));
  } else if (name == "protected") {
    query.filters.push_back(protected_filter(value));
  } else if (name == "os_hidden") {
    query.os_hidden = parse_hidden(value);
  } else if (name == "visibility") {
    set_visibility(value, query);
  } else if (name == "member_status") {
    set_membership(value, query);
  } else if (name == "changes-since") {
    throw HttpError(400, "The \"changes-since\" filter is no longer available on v2.");
  } else if (name == "locations" || name == "properties" || name == "members") {
    throw HttpError(400, fmt::format("Unable to filter by '{}'.", name));
  } else if (name != "deleted") {  // Glance ignores that one
    query.properties.push_back({.name = name, .value = value});
  }
}

}  // namespace glance::api
