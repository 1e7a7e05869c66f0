// SPDX-License-Identifier: Apache-2.0
#include "api-bridge/handlers/list_query.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "api-bridge/handlers/list_filter.h"
#include "api-bridge/wire/http_error.h"
#include "catalog/config/config.h"
#include "catalog/text/ascii.h"

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

std::uint32_t parse_limit(std::string_view text, const Config& config) {
  text = trim(text);
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
  const auto* found = std::ranges::find(kSortKeys, key, &ColumnName::name);
  if (found != kSortKeys.end()) return found->column;
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
    const auto direction =
        colon == std::string_view::npos ? std::string_view() : element.substr(colon + 1);
    const bool descending = direction.empty() || parse_descending(trim(direction));
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

/// Sorting as the request asks for it, in either language, while its parameters come by.
struct SortParameters {
  std::optional<std::string> sort;
  std::vector<ImageColumn> keys;
  std::vector<bool> descending;

  bool take(const std::string& name, const std::string& value) {
    if (name == "sort") {
      sort = value;
    } else if (name == "sort_key") {
      keys.push_back(parse_sort_key(trim(value)));
    } else if (name == "sort_dir") {
      descending.push_back(parse_descending(trim(value)));
    } else {
      return false;
    }
    return true;
  }

  [[nodiscard]] bool has_one_direction() const {
    if (sort) return sort->find(',') == std::string::npos;
    return descending.size() == 1;
  }

  [[nodiscard]] std::vector<ImageSort> combined() const {
    if (!sort) return combine_sort(keys, descending);
    if (!keys.empty() || !descending.empty()) {
      throw HttpError(400, "Old and new sorting syntax cannot be combined");
    }
    return parse_sort(*sort);
  }
};

/// Of a repeated parameter the last one counts, as in Glance; all tags do.
std::map<std::string, std::string> last_values(const Query& parameters) {
  std::map<std::string, std::string> values;
  for (const auto& [name, value] : parameters) values.insert_or_assign(name, value);
  return values;
}

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

/// SQL has its limits, and a request of 16 KiB has room for thousands of filters.
void check_size(const ImageQuery& query) {
  constexpr std::size_t kMaxFilters = 64;
  if (query.tags.size() + query.properties.size() + query.filters.size() > kMaxFilters) {
    throw HttpError(400, fmt::format("A list can have {} filters at most.", kMaxFilters));
  }
}

}  // namespace

ImageQuery parse_list_query(const Query& parameters, const Config& config) {
  ImageQuery query;
  query.foreign_community = false;
  query.membership = MemberStatus::accepted;
  query.limit = std::min(config.limit_param_default, config.api_limit_max);
  SortParameters sort;
  Query filters;
  for (const auto& [name, value] : parameters) {
    if (name == "tag") {
      query.tags.emplace_back(trim(value));
    } else if (!sort.take(name, value)) {
      filters.emplace_back(name, value);
    }
  }
  for (const auto& [name, value] : last_values(filters)) {
    if (name == "limit") {
      query.limit = parse_limit(value, config);
    } else if (name == "marker") {
      query.marker = parse_marker(value);
    } else {
      add_list_filter(name, value, query);
    }
  }
  check_size(query);
  query.sort = sort.combined();
  // As Glance has it: what one direction was asked for is sorted in that direction throughout.
  if (sort.has_one_direction()) query.ties_descending = query.sort.front().descending;
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
