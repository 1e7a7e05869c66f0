// SPDX-License-Identifier: Apache-2.0
#include "api-bridge/wire/disposition.h"

#include <algorithm>

#include <fmt/format.h>

#include "api-bridge/wire/http.h"
#include "catalog/text/ascii.h"

namespace glance::api {
namespace {

bool is_control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte == 0x7F;
}

/// As a file may be called.
std::string file_name(std::string_view name, std::string_view fallback) {
  std::string out(trim(name));
  std::ranges::replace_if(out, [](char c) { return is_control(c) || c == '/' || c == '\\'; }, '_');
  const bool nothing_left = out.find_first_not_of("._ ") == std::string::npos;
  return nothing_left ? std::string(fallback) : out;
}

/// For a quoted-string: no quotes, no `%`, which some clients decode.
std::string ascii(std::string_view name) {
  std::string out;
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    const bool continues = byte >= 0x80 && byte < 0xC0;  // a character's later bytes
    if (continues) continue;
    out.push_back(byte >= 0x80 || c == '"' || c == '%' ? '_' : c);
  }
  return out;
}

/// RFC 8187's value-chars.
std::string percent_encoded(std::string_view text) {
  constexpr std::string_view kPlain = "!#$&+-.^_`|~";
  std::string out;
  for (const char c : text) {
    if (is_alphanumeric(c) || kPlain.find(c) != std::string_view::npos) {
      out.push_back(c);
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

}  // namespace

std::string attachment(std::string_view name, std::string_view fallback) {
  const auto whole = file_name(name, fallback);
  const auto plain = ascii(whole);
  if (plain == whole) return fmt::format("attachment; filename=\"{}\"", plain);
  return fmt::format("attachment; filename=\"{}\"; filename*=UTF-8''{}", plain,
                     percent_encoded(whole));
}

}  // namespace glance::api
