// SPDX-License-Identifier: Apache-2.0
#include "catalog/rows/query.h"

#include <spdlog/spdlog.h>

#include "catalog/model/timestamp.h"

namespace glance::rows {

std::string in_list(std::size_t count) {
  std::string list = "(";
  for (std::size_t i = 0; i < count; ++i) {
    list += (i == 0 ? ":id" : ", :id") + std::to_string(i);
  }
  return list + ")";
}

Timestamp stored_time(const std::string& text, const std::string& id) {
  const auto time = parse_time(text);
  // One odd row must not take the whole catalog out of sight.
  if (!time) spdlog::warn("image row '{}' has the unreadable time '{}'", id, text);
  return time.value_or(Timestamp{});
}

std::optional<std::uint64_t> stored_size(std::optional<long long> value) {
  if (!value || *value < 0) return std::nullopt;
  return static_cast<std::uint64_t>(*value);
}

}  // namespace glance::rows
