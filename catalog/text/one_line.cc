// SPDX-License-Identifier: Apache-2.0
#include "catalog/text/one_line.h"

#include <algorithm>
#include <cstddef>

#include <fmt/format.h>

#include "catalog/text/utf8.h"

namespace glance {
namespace {

constexpr std::size_t kLongestCharacter = 4;

/// The bytes of the well-formed character that `text` begins with; 0 if there is none.
std::size_t character_length(std::string_view text) noexcept {
  for (std::size_t length = 1; length <= std::min(text.size(), kLongestCharacter); ++length) {
    if (is_valid_utf8(text.substr(0, length))) return length;
  }
  return 0;
}

bool is_control(std::string_view character) noexcept {
  const auto byte = [&](std::size_t index) { return static_cast<unsigned char>(character[index]); };
  if (character.size() == 1) return byte(0) < 0x20 || byte(0) == 0x7f;
  return character.size() == 2 && byte(0) == 0xc2 && byte(1) < 0xa0;
}

void append_escaped(std::string& line, std::string_view bytes) {
  for (const char byte : bytes) {
    if (byte == '\n') {
      line += "\\n";
    } else if (byte == '\t') {
      line += "\\t";
    } else {
      line += fmt::format("\\x{:02x}", static_cast<unsigned char>(byte));
    }
  }
}

}  // namespace

std::string one_line(std::string_view text) {
  std::string line;
  line.reserve(text.size());
  while (!text.empty()) {
    const std::size_t length = character_length(text);
    const std::string_view character = text.substr(0, std::max<std::size_t>(length, 1));
    if (length == 0 || is_control(character)) {
      append_escaped(line, character);
    } else {
      line += character;
    }
    text.remove_prefix(character.size());
  }
  return line;
}

}  // namespace glance
