// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace glance {

/// How many characters (code points) the text has. Nothing if it is not well-formed UTF-8 as
/// Unicode defines it: no overlong forms, no surrogates, nothing above U+10FFFF.
[[nodiscard]] std::optional<std::size_t> utf8_length(std::string_view text) noexcept;

[[nodiscard]] bool is_valid_utf8(std::string_view text) noexcept;

/// Whether the text holds a character outside of the Basic Multilingual Plane, one that takes four
/// bytes. Glance refuses those, since old MySQL character sets cannot store them. Meaningful for
/// well-formed text only.
[[nodiscard]] bool has_non_bmp(std::string_view text) noexcept;

}  // namespace glance
