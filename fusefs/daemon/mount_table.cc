// SPDX-License-Identifier: Apache-2.0
#include "fusefs/daemon/mount_table.h"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <iterator>
#include <ranges>

#include <sys/sysmacros.h>

namespace glance::fs {
namespace {

// proc(5): id, parent, major:minor, root, mount point, options, optional fields, "-", type, source.
constexpr std::size_t kDeviceField = 2;
constexpr std::size_t kPointField = 4;
constexpr std::ptrdiff_t kOptionalFields = 6;

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  while (!line.empty()) {
    const std::string_view word = line.substr(0, line.find(' '));
    line.remove_prefix(std::min(word.size() + 1, line.size()));
    words.push_back(word);
  }
  return words;
}

bool is_octal(char c) noexcept {
  return c >= '0' && c <= '7';
}

/// `\040` becomes a blank.
std::string unescape(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size() &&
        std::ranges::all_of(text.substr(i + 1, 3), is_octal)) {
      plain += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 +
                                 (text[i + 3] - '0'));
      i += 3;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

std::optional<unsigned> parse_number(std::string_view text) {
  unsigned number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = end == text.data() + text.size();
  return error == std::errc{} && whole ? std::optional(number) : std::nullopt;
}

std::optional<dev_t> parse_device(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto major_number = parse_number(text.substr(0, colon));
  const auto minor_number = parse_number(text.substr(colon + 1));
  if (!major_number || !minor_number) return std::nullopt;
  return makedev(*major_number, *minor_number);
}

std::optional<MountedFilesystem> parse_line(std::string_view line) {
  const auto words = words_of(line);
  if (std::ssize(words) <= kOptionalFields) return std::nullopt;
  const auto device = parse_device(words[kDeviceField]);
  const auto separator = std::find(words.begin() + kOptionalFields, words.end(), "-");
  if (!device || words.end() - separator < 3) return std::nullopt;
  return MountedFilesystem{.point = unescape(words[kPointField]),
                           .type = unescape(separator[1]),
                           .source = unescape(separator[2]),
                           .device = *device};
}

}  // namespace

std::vector<MountedFilesystem> parse_mount_table(std::string_view text) {
  std::vector<MountedFilesystem> table;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (auto entry = parse_line(line)) table.push_back(std::move(*entry));
  }
  return table;
}

std::optional<MountedFilesystem> topmost_mount(const std::vector<MountedFilesystem>& table,
                                               std::string_view point) {
  const auto reversed = table | std::views::reverse;
  const auto found = std::ranges::find(reversed, point, &MountedFilesystem::point);
  return found == reversed.end() ? std::nullopt : std::optional(*found);
}

}  // namespace glance::fs
