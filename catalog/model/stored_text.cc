// SPDX-License-Identifier: Apache-2.0
#include "catalog/model/stored_text.h"

#include <fmt/format.h>

#include "catalog/text/utf8.h"

namespace glance {

namespace {

/// `length` is in characters; nothing: not UTF-8.
std::optional<std::string> fault_of_form(std::string_view text, std::optional<std::size_t> length) {
  if (!length) return "is not valid UTF-8";
  if (text.find('\0') != std::string_view::npos) return "holds a NUL character";
  return std::nullopt;
}

}  // namespace

std::optional<std::string> fault_of_short_text(std::string_view text) {
  const auto length = utf8_length(text);
  if (auto fault = fault_of_form(text, length)) return fault;
  if (*length <= kMaxShortText) return std::nullopt;
  return fmt::format("is too long: it has {} characters, {} are allowed", *length, kMaxShortText);
}

std::optional<std::string> fault_of_long_text(std::string_view text) {
  if (auto fault = fault_of_form(text, utf8_length(text))) return fault;
  if (text.size() <= kMaxLongText) return std::nullopt;
  return fmt::format("is too long: it has {} bytes, {} are allowed", text.size(), kMaxLongText);
}

}  // namespace glance
