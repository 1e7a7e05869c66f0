// SPDX-License-Identifier: Apache-2.0
#include "api-bridge/list_query.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "api-bridge/http_error.h"
#include "catalog/config.h"

namespace glance::api {
namespace {

struct ColumnName {
  std::string_view name;
  ImageColumn column;
};

constexpr std::array<ColumnName, 8> kSortKeys = {{
    {"name", ImageColumn::name},
    {"status", ImageColumn::status},
    {"container_format", ImageColumn::container_format},
    {"disk_format", ImageColumn::disk_format},
    {"size", ImageColumn::size},
    {"id", ImageColumn::id},
    {"created_at", ImageColumn::created_at},
    {"updated_at", ImageColumn::updated_at},
}};

/// Filters whose value may carry an operator (`eq:x`).
constexpr std::array<ColumnName, 5> kOperatorFilters = {{
    {"id", ImageColumn::id},
    {"name", ImageColumn::name},
    {"status", ImageColumn::status},
    {"disk_format", ImageColumn::disk_format},
    {"container_format", ImageColumn::container_format},
}};

/// Filters whose value is taken as it stands.
constexpr std::array<ColumnName, 3> kLiteralFilters = {{
    {"owner", ImageColumn::owner},
    {"checksum", ImageColumn::checksum},
    {"os_hash_value", ImageColumn::os_hash_value},
}};

template <std::size_t N>
std::optional<ImageColumn> find_column(const std::array<ColumnName, N>& names,
                                       std::string_view name) {
  const auto* found = std::ranges::find(names, name, &ColumnName::name);
  return found == names.end() ? std::nullopt : std::optional(found->column);
}

std::uint32_t parse_limit(std::string_view text, const Config& config) {
  const bool negative = text.starts_with('-');
  const auto digits = text.substr(negative ? 1 : 0);
  const bool numeric =
      !digits.empty() && digits.find_first_not_of("0123456789") == std::string_view::npos;
  if (!numeric) throw HttpError(400, "limit param must be an integer");
  const auto value = parse_digits(digits).value_or(UINT64_MAX);
  if (negative && value != 0) throw HttpError(400, "limit param must be positive");
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(value, config.api_limit_max));
}

ImageId parse_marker(const std::string& text) {
  auto id = ImageId::parse(text);
  if (!id) throw HttpError(400, fmt::format("No image found with ID {}", text));
  return *std::move(id);
}

ImageColumn parse_sort_key(std::string_view key) {
  if (const auto column = find_column(kSortKeys, key)) return *column;
  throw HttpError(400, fmt::format("Invalid sort key: {}. It must be one of the following: name, "
                                   "status, container_format, disk_format, size, id, created_at, "
                                   "updated_at.",
                                   key));
}

bool parse_descending(std::string_view direction) {
  if (direction == "desc") return true;
  if (direction == "asc") return false;
  throw HttpError(400, fmt::format("Invalid sort direction: {}", direction));
}

/// `name:asc,size`: the newer of the two sorting languages.
std::vector<ImageSort> parse_sort(std::string_view text) {
  std::vector<ImageSort> sort;
  for (;;) {
    const auto comma = text.find(',');
    const auto element = trim(text.substr(0, comma));
    const auto colon = element.find(':');
    const auto column = parse_sort_key(trim(element.substr(0, colon)));
    const bool descending =
        colon == std::string_view::npos || parse_descending(trim(element.substr(colon + 1)));
    sort.push_back({.column = column, .descending = descending});
    if (comma == std::string_view::npos) return sort;
    text.remove_prefix(comma + 1);
  }
}

/// `sort_key=…&sort_dir=…`: the older one. One direction serves all keys.
std::vector<ImageSort> combine_sort(const std::vector<ImageColumn>& keys,
                                    const std::vector<bool>& descending) {
  if (descending.size() > 1 && descending.size() != std::max<std::size_t>(keys.size(), 1)) {
    throw HttpError(400, "Number of sort dirs does not match the number of sort keys");
  }
  std::vector<ImageSort> sort;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const bool down = descending.empty() || descending[descending.size() == 1 ? 0 : i];
    sort.push_back({.column = keys[i], .descending = down});
  }
  if (keys.empty() && !descending.empty()) {
    sort.push_back({.column = ImageColumn::created_at, .descending = descending.front()});
  }
  return sort;
}

[[noreturn]] void refuse_filter(std::string_view name) {
  throw HttpError(400,
                  fmt::format("Filtering images by '{}' is not supported by this server.", name));
}

/// The value behind `eq:`, or of an `in:` list of one.
std::string equality_operand(std::string_view name, const std::string& text) {
  const auto colon = text.find(':');
  if (colon == std::string::npos) return text;
  const auto operation = text.substr(0, colon);
  auto operand = text.substr(colon + 1);
  if (operation == "eq") return operand;
  if (operation == "in") {
    if (operand.find_first_of(",\"") == std::string::npos) return operand;
    refuse_filter(fmt::format("{}=in:…", name));
  }
  throw HttpError(400, fmt::format("Unable to filter by unknown operator '{}'.", operation));
}

bool parse_hidden(std::string_view text) {
  if (equal_ignoring_case(text, "true")) return true;
  if (equal_ignoring_case(text, "false")) return false;
  throw HttpError(400, fmt::format("Invalid value '{}' for 'os_hidden' filter. Valid values are "
                                   "'true' or 'false'.",
                                   text));
}

void add_visibility(const std::string& text, ImageQuery& query) {
  if (text == "all") return;
  if (!parse_visibility(text)) {
    throw HttpError(400, fmt::format("Invalid visibility value: {}", text));
  }
  query.filters.push_back({.column = ImageColumn::visibility, .value = text});
}

void check_member_status(std::string_view text) {
  constexpr std::array<std::string_view, 4> kStatuses = {"pending", "accepted", "rejected", "all"};
  if (std::ranges::find(kStatuses, text) == kStatuses.end()) {
    throw HttpError(400, fmt::format("Invalid status: {}", text));
  }
}

void add_size(const std::string& text, ImageQuery& query) {
  if (!parse_digits(text)) throw HttpError(400, fmt::format("Invalid size: {}", text));
  query.filters.push_back({.column = ImageColumn::size, .value = text});
}

void add_filter(const std::string& name, const std::string& value, ImageQuery& query) {
  if (const auto column = find_column(kOperatorFilters, name)) {
    query.filters.push_back({.column = *column, .value = equality_operand(name, value)});
  } else if (const auto literal = find_column(kLiteralFilters, name)) {
    query.filters.push_back({.column = *literal, .value = value});
  } else if (name == "size") {
    add_size(value, query);
  } else if (name == "tag") {
    query.tags.push_back(value);
  } else if (name == "os_hidden") {
    query.os_hidden = parse_hidden(value);
  } else if (name == "visibility") {
    add_visibility(value, query);
  } else if (name == "member_status") {
    check_member_status(value);  // it narrows only what is shared with the caller
  } else if (name == "changes-since") {
    throw HttpError(400, "The \"changes-since\" filter is no longer available on v2.");
  } else if (name != "deleted") {  // Glance ignores that one
    refuse_filter(name);
  }
}

/// Sorting as the request asks for it, in either language, while its parameters come by.
struct SortParameters {
  std::optional<std::string> sort;
  std::vector<ImageColumn> keys;
  std::vector<bool> descending;

  bool take(const std::string& name, const std::string& value) {
    if (name == "sort") {
      sort = value;
    } else if (name == "sort_key") {
      keys.push_back(parse_sort_key(value));
    } else if (name == "sort_dir") {
      descending.push_back(parse_descending(value));
    } else {
      return false;
    }
    return true;
  }

  [[nodiscard]] std::vector<ImageSort> combined() const {
    if (!sort) return combine_sort(keys, descending);
    if (!keys.empty() || !descending.empty()) {
      throw HttpError(400, "Old and new sorting syntax cannot be combined");
    }
    return parse_sort(*sort);
  }
};

std::string link(const Query& parameters) {
  std::string text = "/v2/images";
  char separator = '?';
  for (const auto& [name, value] : parameters) {
    text += fmt::format("{}{}={}", separator, encode_query_value(name), encode_query_value(value));
    separator = '&';
  }
  return text;
}

Query without_marker(Query parameters) {
  std::erase_if(parameters, [](const auto& parameter) { return parameter.first == "marker"; });
  return parameters;
}

}  // namespace

ImageQuery parse_list_query(const Query& parameters, const Config& config) {
  ImageQuery query;
  query.limit = std::min(config.limit_param_default, config.api_limit_max);
  SortParameters sort;
  for (const auto& [name, value] : parameters) {
    if (name == "limit") {
      query.limit = parse_limit(value, config);
    } else if (name == "marker") {
      query.marker = parse_marker(value);
    } else if (!sort.take(name, value)) {
      add_filter(name, value, query);
    }
  }
  query.sort = sort.combined();
  return query;
}

std::string first_page_link(const Query& parameters) {
  return link(without_marker(parameters));
}

std::string next_page_link(const Query& parameters, const ImageId& last) {
  auto next = without_marker(parameters);
  next.emplace_back("marker", last.text());
  return link(next);
}

}  // namespace glance::api
