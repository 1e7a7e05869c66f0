// SPDX-License-Identifier: Apache-2.0
#include "catalog/text/hex.h"

#include <algorithm>
#include <charconv>

namespace glance {

bool is_hex(std::string_view text, std::size_t size) noexcept {
  return text.size() == size && std::ranges::all_of(text, is_hex_digit);
}

std::string to_hex(std::span<const unsigned char> bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const unsigned char byte : bytes) {
    text += kDigits[byte >> 4U];
    text += kDigits[byte & 0x0FU];
  }
  return text;
}

std::optional<unsigned char> hex_byte(std::string_view digits) noexcept {
  if (!is_hex(digits, 2)) return std::nullopt;
  unsigned char value = 0;
  std::from_chars(digits.begin(), digits.end(), value, 16);
  return value;
}

}  // namespace glance
