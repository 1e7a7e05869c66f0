// SPDX-License-Identifier: Apache-2.0
#include "fusefs/names.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <random>

namespace glance::fs {

namespace {

constexpr std::array<std::string_view, 4> kViews = {".by-id", ".by-tag", ".MD5SUMS", ".SHA512SUMS"};

struct Escape {
  std::string_view text;
  char character;
};

constexpr std::array kEscapes = {Escape{"%2F", '/'}, Escape{"%00", '\0'}, Escape{"%25", '%'},
                                 Escape{"%2E", '.'}};

/// The escape that stands at the beginning of `text`, if any.
const Escape* escape_at(std::string_view text) noexcept {
  for (const auto& escape : kEscapes) {
    if (text.starts_with(escape.text)) return &escape;
  }
  return nullptr;
}

bool first_dot_is_special(std::string_view name) noexcept {
  return name == "." || name == ".." || is_view_name(name);
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

bool is_hex(char c) noexcept {
  return std::isxdigit(static_cast<unsigned char>(c)) != 0;
}

}  // namespace

bool is_view_name(std::string_view file_name) noexcept {
  return std::ranges::find(kViews, file_name) != kViews.end();
}

std::string encode_name(std::string_view image_name) {
  std::string encoded;
  encoded.reserve(image_name.size());
  if (first_dot_is_special(image_name)) {
    encoded = "%2E";
    image_name.remove_prefix(1);
  }
  for (std::size_t i = 0; i < image_name.size(); ++i) {
    const char c = image_name[i];
    if (c == '/') {
      encoded += "%2F";
    } else if (c == '\0') {
      encoded += "%00";
    } else if (c == '%' && escape_at(image_name.substr(i)) != nullptr) {
      encoded += "%25";
    } else {
      encoded += c;
    }
  }
  return encoded;
}

std::optional<std::string> decode_name(std::string_view file_name) {
  std::string decoded;
  decoded.reserve(file_name.size());
  for (std::size_t i = 0; i < file_name.size();) {
    if (const Escape* escape = escape_at(file_name.substr(i))) {
      decoded += escape->character;
      i += escape->text.size();
    } else {
      decoded += file_name[i++];
    }
  }
  if (encode_name(decoded) != file_name) return std::nullopt;
  return decoded;
}

bool is_temporary_name(std::string_view name) noexcept {
  const auto dot = name.rfind('.');
  if (!name.starts_with('.') || dot == std::string_view::npos || dot < 2) return false;
  const auto suffix = name.substr(dot + 1);
  return suffix.size() == kTemporarySuffix && std::ranges::all_of(suffix, [](char c) {
           return std::isalnum(static_cast<unsigned char>(c)) != 0;
         });
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
  if (!std::ranges::all_of(part, [](char c) { return is_hex(c) || c == '-'; })) {
    return std::nullopt;
  }
  std::string digits = id_digits(part);
  if (digits.size() < kMinIdDigits) return std::nullopt;
  return Qualified{.base = file_name.substr(0, tilde), .digits = std::move(digits)};
}

std::string id_digits(std::string_view id) {
  std::string digits;
  std::ranges::copy_if(id, std::back_inserter(digits), is_hex);
  return digits;
}

std::string qualify(std::string_view base, std::string_view id, std::size_t count) {
  const std::string suffix = "~" + id_digits(id).substr(0, count);
  return cut(base, kMaxFileName - suffix.size()) + suffix;
}

}  // namespace glance::fs
