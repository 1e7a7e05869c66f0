// SPDX-License-Identifier: Apache-2.0
#include "catalog/text/one_line.h"

#include <algorithm>
#include <clocale>
#include <cuchar>
#include <cwchar>

#include <fmt/format.h>

namespace glance {
namespace {

/// What characters are is the C library's to know, and it knows Unicode in a UTF-8 locale only.
/// This one is always there; it holds for the calling thread and scope.
class Utf8Locale {
 public:
  Utf8Locale() : before_(::uselocale(locale())) {}
  ~Utf8Locale() { ::uselocale(before_); }
  Utf8Locale(const Utf8Locale&) = delete;
  Utf8Locale& operator=(const Utf8Locale&) = delete;

 private:
  /// Made once: each time would be a look at the disk.
  static ::locale_t locale() {
    static const ::locale_t utf8 = ::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
    return utf8;
  }

  const ::locale_t before_;
};

/// Format characters that are printable as far as wcwidth(3) goes, but deceive the eye: zero
/// width spaces, direction marks and overrides, annotations, tags, the byte order mark.
bool deceives(char32_t c) noexcept {
  return (c >= 0x200B && c <= 0x200F) || (c >= 0x2028 && c <= 0x202E) ||
         (c >= 0xFFF9 && c <= 0xFFFB) || (c >= 0xE0000 && c <= 0xE007F) || c == 0x180E ||
         (c >= 0x2060 && c <= 0x206F) || c == 0xFEFF || c == 0x00AD || c == 0x061C;
}

/// One character of a text, or a byte that begins none.
struct Character {
  std::string_view bytes;
  bool is_utf8 = false;
  char32_t code = U'\0';  ///< of UTF-8
  int width = -1;         ///< columns; negative for what cannot be shown
};

/// Whether text that consists of such bytes needs no look at its characters.
bool is_plain(char c) noexcept {
  return c >= 0x20 && c <= 0x7E && c != '\\';
}

/// Of a text that is not empty. The thread's locale must be Utf8Locale.
Character first_character(std::string_view text) {
  char32_t code = 0;
  std::mbstate_t state{};
  const std::size_t length = std::mbrtoc32(&code, text.data(), text.size(), &state);
  if (length == static_cast<std::size_t>(-1) || length == static_cast<std::size_t>(-2)) {
    return {.bytes = text.substr(0, 1)};
  }
  const bool shown = code != U'\0' && !deceives(code);
  return {.bytes = text.substr(0, std::max<std::size_t>(length, 1)),  // 0 stands for NUL
          .is_utf8 = true,
          .code = code,
          .width = shown ? ::wcwidth(static_cast<wchar_t>(code)) : -1};
}

template <typename Visit>
void each_character(std::string_view text, Visit visit) {
  const Utf8Locale utf8;
  while (!text.empty()) {
    const Character character = first_character(text);
    visit(character);
    text.remove_prefix(character.bytes.size());
  }
}

std::string escape(const Character& character) {
  const auto byte = static_cast<unsigned char>(character.bytes.front());
  if (!character.is_utf8) return fmt::format("\\x{:02x}", byte);
  switch (character.code) {
    case U'\n':
      return "\\n";
    case U'\t':
      return "\\t";
    case U'\r':
      return "\\r";
    case U'\\':
      return "\\\\";
    default:
      return character.bytes.size() == 1
                 ? fmt::format("\\x{:02x}", byte)
                 : fmt::format("\\u{{{:04x}}}", static_cast<unsigned>(character.code));
  }
}

/// As UTF-16 has it (RFC 8259 § 7).
std::string json_escape(char32_t code) {
  constexpr unsigned kBeyond = 0x10000;
  const auto value = static_cast<unsigned>(code);
  if (value < kBeyond) return fmt::format("\\u{:04x}", value);
  return fmt::format("\\u{:04x}\\u{:04x}", 0xD800 + ((value - kBeyond) >> 10U),
                     0xDC00 + ((value - kBeyond) & 0x3FFU));
}

}  // namespace

std::string one_line(std::string_view text) {
  if (std::ranges::all_of(text, is_plain)) return std::string(text);
  std::string line;
  line.reserve(text.size());
  each_character(text, [&](const Character& character) {
    if (character.width < 0 || character.code == U'\\') {
      line += escape(character);
    } else {
      line += character.bytes;
    }
  });
  return line;
}

std::size_t columns(std::string_view line) {
  std::size_t sum = 0;
  each_character(line, [&](const Character& character) {
    sum += static_cast<std::size_t>(std::max(character.width, 0));
  });
  return sum;
}

std::string printable_json(std::string_view json) {
  std::string text;
  text.reserve(json.size());
  each_character(json, [&](const Character& character) {
    // What is below U+0020 in a JSON text stands between its values: a line's end.
    if (character.width < 0 && character.is_utf8 && character.code > U' ') {
      text += json_escape(character.code);
    } else {
      text += character.bytes;
    }
  });
  return text;
}

}  // namespace glance
