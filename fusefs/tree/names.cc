// SPDX-License-Identifier: Apache-2.0
#include "fusefs/tree/names.h"

#include <algorithm>
#include <array>
#include <random>
#include <utility>

#include "catalog/text/ascii.h"
#include "catalog/text/hex.h"

namespace glance::fs {

namespace {

constexpr std::array<std::string_view, 4> kViews = {".by-id", ".by-tag", ".MD5SUMS", ".SHA512SUMS"};

bool is_dots(std::string_view name) noexcept {
  return name == "." || name == "..";
}

bool is_reserved(std::string_view name) noexcept {
  return is_dots(name) || is_view_name(name);
}

/// Names that no file or directory of ours may have.
using IsSpecial = bool (*)(std::string_view) noexcept;

/// Behind a `%` at the beginning of `text` and any number of `25`; 0 if it does not begin with `%`.
std::size_t behind_percent(std::string_view text) noexcept {
  if (!text.starts_with('%')) return 0;
  std::size_t at = 1;
  while (text.substr(at).starts_with("25")) at += 2;
  return at;
}

/// Whether `text` begins with the escape of a character, or with what must not be taken for one.
bool is_escape(std::string_view text) noexcept {
  const std::size_t at = behind_percent(text);
  return at > 0 && (text.substr(at).starts_with("2F") || text.substr(at).starts_with("00"));
}

/// The same for the escape of a special name's first dot.
bool is_dot_escape(std::string_view text, IsSpecial is_special) {
  const std::size_t at = behind_percent(text);
  if (at == 0 || !text.substr(at).starts_with("2E")) return false;
  return is_special("." + std::string(text.substr(at + 2)));
}

std::string encode(std::string_view name, IsSpecial is_special) {
  std::string encoded;
  encoded.reserve(name.size());
  if (is_special(name)) return "%2E" + std::string(name.substr(1));
  if (is_dot_escape(name, is_special)) return "%25" + std::string(name.substr(1));
  for (std::size_t i = 0; i < name.size(); ++i) {
    const char c = name[i];
    if (c == '/') {
      encoded += "%2F";
    } else if (c == '\0') {
      encoded += "%00";
    } else if (is_escape(name.substr(i))) {
      encoded += "%25";
    } else {
      encoded += c;
    }
  }
  return encoded;
}

std::optional<std::string> decode(std::string_view file_name, IsSpecial is_special) {
  if (is_special(file_name)) return std::nullopt;
  const bool one_percent = file_name.starts_with("%25");
  if (is_dot_escape(file_name, is_special)) {
    return (one_percent ? "%" : ".") + std::string(file_name.substr(3));
  }
  std::string decoded;
  decoded.reserve(file_name.size());
  for (std::size_t i = 0; i < file_name.size();) {
    const auto rest = file_name.substr(i);
    if (!is_escape(rest)) {
      decoded += file_name[i++];
      continue;
    }
    decoded += rest.starts_with("%25") ? '%' : (rest.starts_with("%2F") ? '/' : '\0');
    i += 3;
  }
  return decoded;
}

constexpr std::size_t kTemporarySuffix = 6;

/// The first `size` bytes at most, without a part of a character at the end.
std::string cut(std::string_view text, std::size_t size) {
  std::size_t keep = std::min(text.size(), size);
  // Continuation bytes look like 10xxxxxx.
  while (keep > 0 && keep < text.size() &&
         (static_cast<unsigned char>(text[keep]) & 0xC0) == 0x80) {
    --keep;
  }
  return std::string(text.substr(0, keep));
}

}  // namespace

bool is_view_name(std::string_view file_name) noexcept {
  return std::ranges::find(kViews, file_name) != kViews.end();
}

std::string encode_name(std::string_view image_name) {
  return encode(image_name, is_reserved);
}

std::optional<std::string> decode_name(std::string_view file_name) {
  return decode(file_name, is_reserved);
}

std::string encode_tag(std::string_view tag) {
  return encode(tag, is_dots);
}

std::optional<std::string> decode_tag(std::string_view file_name) {
  return decode(file_name, is_dots);
}

bool is_temporary_name(std::string_view name) noexcept {
  const auto dot = name.rfind('.');
  if (!name.starts_with('.') || dot == std::string_view::npos || dot < 2) return false;
  const auto suffix = name.substr(dot + 1);
  return suffix.size() == kTemporarySuffix && std::ranges::all_of(suffix, is_alphanumeric);
}

std::string temporary_name(std::string_view name) {
  constexpr std::string_view kLetters =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
  std::random_device random;
  std::uniform_int_distribution<std::size_t> letter(0, kLetters.size() - 1);
  std::string suffix = ".";
  for (std::size_t i = 0; i < kTemporarySuffix; ++i) suffix += kLetters[letter(random)];
  return "." + cut(name, kMaxFileName - 1 - suffix.size()) + suffix;
}

std::optional<Qualified> split_qualified(std::string_view file_name) {
  const auto tilde = file_name.rfind('~');
  if (tilde == std::string_view::npos || tilde == 0) return std::nullopt;
  const auto part = file_name.substr(tilde + 1);
  if (!std::ranges::all_of(part, [](char c) { return is_hex_digit(c) || c == '-'; })) {
    return std::nullopt;
  }
  std::string digits = id_digits(part);
  if (digits.size() < kMinIdDigits) return std::nullopt;
  return Qualified{.base = file_name.substr(0, tilde), .digits = std::move(digits)};
}

std::string id_digits(std::string_view id) {
  std::string digits;
  std::ranges::copy_if(id, std::back_inserter(digits), is_hex_digit);
  return digits;
}

bool has_digits(std::string_view id, std::string_view digits) noexcept {
  for (const char c : id) {
    if (digits.empty()) return true;
    if (!is_hex_digit(c)) continue;
    if (c != digits.front()) return false;
    digits.remove_prefix(1);
  }
  return digits.empty();
}

std::string qualify(std::string_view base, std::string_view id, std::size_t count) {
  std::string suffix = "~" + id_digits(id).substr(0, count);
  suffix.resize(count + 1, '-');
  return cut(base, kMaxFileName - suffix.size()) + suffix;
}

namespace {

std::size_t common_prefix(std::string_view a, std::string_view b) noexcept {
  const auto [end, ignored] = std::ranges::mismatch(a, b);
  return static_cast<std::size_t>(end - a.begin());
}

/// For each id how many of its digits none of the others begins with; at least kMinIdDigits.
std::vector<std::size_t> needed_digits(std::span<const Carrier> carriers) {
  std::vector<std::pair<std::string, std::size_t>> sorted;
  sorted.reserve(carriers.size());
  for (std::size_t i = 0; i < carriers.size(); ++i) {
    sorted.emplace_back(id_digits(carriers[i].id), i);
  }
  std::ranges::sort(sorted);
  std::vector<std::size_t> needed(carriers.size(), kMinIdDigits);
  for (std::size_t i = 1; i < sorted.size(); ++i) {
    const std::size_t count = common_prefix(sorted[i - 1].first, sorted[i].first) + 1;
    for (const std::size_t each : {sorted[i - 1].second, sorted[i].second}) {
      needed[each] = std::max(needed[each], count);
    }
  }
  return needed;
}

}  // namespace

std::vector<std::string> file_names(std::string_view base, std::span<const Carrier> carriers,
                                    const std::function<bool(const std::string&)>& taken) {
  const auto first = std::ranges::find(carriers, false, &Carrier::hidden);
  const bool is_bare = first != carriers.end() && base.size() <= kMaxFileName;
  if (carriers.size() == 1 && is_bare) return {std::string(base)};
  const auto needed = needed_digits(carriers);
  std::vector<std::string> names;
  names.reserve(carriers.size());
  for (std::size_t i = 0; i < carriers.size(); ++i) {
    if (is_bare && &carriers[i] == &*first) {
      names.emplace_back(base);
      continue;
    }
    std::size_t count = needed[i];
    while (taken(qualify(base, carriers[i].id, count))) ++count;
    names.push_back(qualify(base, carriers[i].id, count));
  }
  return names;
}

}  // namespace glance::fs
