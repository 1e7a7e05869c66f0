// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string_view>

namespace glance {

enum class Visibility { public_, private_, shared, community };

[[nodiscard]] std::string_view to_string(Visibility visibility) noexcept;
[[nodiscard]] std::optional<Visibility> parse_visibility(std::string_view text) noexcept;

}  // namespace glance
