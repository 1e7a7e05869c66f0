// SPDX-License-Identifier: Apache-2.0
#include "catalog/tool/text.h"

#include <array>
#include <clocale>
#include <cwchar>

#include <fmt/format.h>

namespace glance::tool {

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
/// width spaces, direction marks and overrides, the byte order mark.
bool deceives(wchar_t c) {
  return (c >= 0x200B && c <= 0x200F) || (c >= 0x2028 && c <= 0x202E) ||
         (c >= 0x2060 && c <= 0x206F) || c == 0xFEFF || c == 0x00AD || c == 0x061C;
}

std::string escape(wchar_t c) {
  switch (c) {
    case L'\n':
      return "\\n";
    case L'\t':
      return "\\t";
    case L'\r':
      return "\\r";
    case L'\\':
      return "\\\\";
    default:
      return c < 0x80 ? fmt::format("\\x{:02x}", static_cast<unsigned>(c))
                      : fmt::format("\\u{{{:04x}}}", static_cast<unsigned>(c));
  }
}

void append_escape(const std::string& escape, Printable& to) {
  to.text += escape;
  to.width += escape.size();
}

/// Appends the first character of `text`, which is not empty; returns the bytes it has.
std::size_t append_character(std::string_view text, Printable& to) {
  wchar_t c = 0;
  std::mbstate_t state{};
  const std::size_t length = std::mbrtowc(&c, text.data(), text.size(), &state);
  if (length == static_cast<std::size_t>(-1) || length == static_cast<std::size_t>(-2)) {
    const auto byte = static_cast<unsigned char>(text.front());
    append_escape(fmt::format("\\x{:02x}", byte), to);
    return 1;
  }
  const std::size_t bytes = length == 0 ? 1 : length;  // 0 stands for the character NUL
  const int width = ::wcwidth(c);
  if (c == L'\0' || c == L'\\' || width < 0 || deceives(c)) {
    append_escape(escape(c), to);
  } else {
    to.text += text.substr(0, bytes);
    to.width += static_cast<std::size_t>(width);
  }
  return bytes;
}

}  // namespace

Printable printable(std::string_view text) {
  const Utf8Locale utf8;
  Printable result;
  while (!text.empty()) text.remove_prefix(append_character(text, result));
  return result;
}

std::string human_size(std::uint64_t bytes) {
  if (bytes < 1000) return fmt::format("{} B", bytes);
  constexpr std::array kUnits = {"kB", "MB", "GB", "TB", "PB", "EB"};
  double value = static_cast<double>(bytes) / 1000;
  std::size_t unit = 0;
  // 999.95 would be rounded up to four digits.
  while (value >= 999.95 && unit + 1 < kUnits.size()) {
    value /= 1000;
    ++unit;
  }
  return fmt::format("{:.1f} {}", value, kUnits.at(unit));
}

std::string human_duration(std::uint64_t seconds) {
  const auto minutes = seconds / 60;
  if (minutes < 60) return fmt::format("{}:{:02}", minutes, seconds % 60);
  return fmt::format("{}:{:02}:{:02}", minutes / 60, minutes % 60, seconds % 60);
}

}  // namespace glance::tool
