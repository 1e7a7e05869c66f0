// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace glance {

/// Sorted, without duplicates.
[[nodiscard]] std::vector<std::string> as_set(std::vector<std::string> tags);

/// Tags as one text: joined by commas, a comma in a tag as `%2C`.
[[nodiscard]] std::string join_tags(const std::vector<std::string>& tags);

/// The reverse, as a set; empty items are left out.
[[nodiscard]] std::vector<std::string> split_tags(std::string_view text);

}  // namespace glance
