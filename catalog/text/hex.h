// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace glance {

/// A digit in either case.
[[nodiscard]] constexpr bool is_hex_digit(char c) noexcept {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/// Whether the text is nothing but digits, in either case, and has `size` of them.
[[nodiscard]] bool is_hex(std::string_view text, std::size_t size) noexcept;

/// Two lower-case digits for each byte.
[[nodiscard]] std::string to_hex(std::span<const unsigned char> bytes);

/// The byte that two digits stand for; nothing for any other text.
[[nodiscard]] std::optional<unsigned char> hex_byte(std::string_view digits) noexcept;

}  // namespace glance
