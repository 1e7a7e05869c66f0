// SPDX-License-Identifier: Apache-2.0
#include "catalog/text/utf8.h"

#include <algorithm>

namespace glance {
namespace {

/// The first byte decides how many bytes follow and within which bounds the second one lies; the
/// bounds are what keeps out overlong forms, surrogates and code points above U+10FFFF.
struct Lead {
  std::size_t length;
  unsigned char second_min;
  unsigned char second_max;
};

constexpr Lead lead_of(unsigned char byte) noexcept {
  if (byte < 0x80) return {1, 0, 0};
  if (byte < 0xC2) return {0, 0, 0};
  if (byte < 0xE0) return {2, 0x80, 0xBF};
  if (byte == 0xE0) return {3, 0xA0, 0xBF};
  if (byte == 0xED) return {3, 0x80, 0x9F};
  if (byte < 0xF0) return {3, 0x80, 0xBF};
  if (byte == 0xF0) return {4, 0x90, 0xBF};
  if (byte < 0xF4) return {4, 0x80, 0xBF};
  if (byte == 0xF4) return {4, 0x80, 0x8F};
  return {0, 0, 0};
}

constexpr unsigned char byte_at(std::string_view text, std::size_t index) noexcept {
  return static_cast<unsigned char>(text[index]);
}

/// The length of the character that `text` begins with; 0 if it is malformed.
constexpr std::size_t character_length(std::string_view text) noexcept {
  const Lead lead = lead_of(byte_at(text, 0));
  if (lead.length < 2) return lead.length;
  if (text.size() < lead.length) return 0;
  if (byte_at(text, 1) < lead.second_min || byte_at(text, 1) > lead.second_max) return 0;
  for (std::size_t i = 2; i < lead.length; ++i) {
    if ((byte_at(text, i) & 0xC0U) != 0x80U) return 0;
  }
  return lead.length;
}

}  // namespace

std::optional<std::size_t> utf8_length(std::string_view text) noexcept {
  std::size_t characters = 0;
  while (!text.empty()) {
    const std::size_t length = character_length(text);
    if (length == 0) return std::nullopt;
    text.remove_prefix(length);
    ++characters;
  }
  return characters;
}

bool is_valid_utf8(std::string_view text) noexcept {
  return utf8_length(text).has_value();
}

bool has_non_bmp(std::string_view text) noexcept {
  return std::ranges::any_of(text, [](char c) { return static_cast<unsigned char>(c) >= 0xF0; });
}

}  // namespace glance
