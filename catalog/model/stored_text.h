// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace glance {

// What the columns of Glance's tables hold.
inline constexpr std::size_t kMaxShortText = 255;    ///< characters; VARCHAR(255)
inline constexpr std::size_t kMaxLongText = 65'535;  ///< bytes; TEXT, as MySQL has it

/// What keeps the text out of such a column, as a sentence goes on behind the text's name: it is
/// not UTF-8, holds NUL, or is too long, and for what. Nothing if it may be stored.
[[nodiscard]] std::optional<std::string> fault_of_short_text(std::string_view text);
[[nodiscard]] std::optional<std::string> fault_of_long_text(std::string_view text);

}  // namespace glance
