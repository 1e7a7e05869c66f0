// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

namespace glance {

// Letters, digits and blanks of ASCII, whatever the locale is. All other bytes, those of UTF-8
// too, are neither, and stay as they are.

[[nodiscard]] constexpr bool is_lower(char c) noexcept {
  return c >= 'a' && c <= 'z';
}

[[nodiscard]] constexpr bool is_upper(char c) noexcept {
  return c >= 'A' && c <= 'Z';
}

[[nodiscard]] constexpr bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

[[nodiscard]] constexpr bool is_alphanumeric(char c) noexcept {
  return is_lower(c) || is_upper(c) || is_digit(c);
}

[[nodiscard]] constexpr char lower(char c) noexcept {
  return is_upper(c) ? static_cast<char>(c - 'A' + 'a') : c;
}

[[nodiscard]] constexpr char upper(char c) noexcept {
  return is_lower(c) ? static_cast<char>(c - 'a' + 'A') : c;
}

[[nodiscard]] inline std::string lower_case(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), lower);
  return result;
}

/// Whether two texts are equal but for the case of their letters.
[[nodiscard]] constexpr bool equal_ignoring_case(std::string_view a, std::string_view b) noexcept {
  return std::ranges::equal(a, b, {}, lower, lower);
}

/// What trim() takes away.
inline constexpr std::string_view kBlanks = " \t\r\n\f\v";

/// Without the blanks at its end.
[[nodiscard]] constexpr std::string_view trim_right(std::string_view text) noexcept {
  return text.substr(0, text.find_last_not_of(kBlanks) + 1);  // npos + 1 is 0
}

/// Without the blanks around it.
[[nodiscard]] constexpr std::string_view trim(std::string_view text) noexcept {
  text = trim_right(text);
  return text.substr(std::min(text.find_first_not_of(kBlanks), text.size()));
}

}  // namespace glance
