// SPDX-License-Identifier: Apache-2.0
#include "api-bridge/wire/http.h"

#include <algorithm>
#include <charconv>
#include <stdexcept>

#include <fmt/format.h>

#include "catalog/text/ascii.h"
#include "catalog/text/hex.h"
#include "catalog/text/utf8.h"

namespace glance::api {
namespace {

/// Nothing when the result is not UTF-8 or holds a NUL, which no database keeps.
std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      if (const auto byte = hex_byte(text.substr(i + 1, 2))) {
        out.push_back(static_cast<char>(*byte));
        i += 2;
        continue;
      }
    }
    out.push_back(plus_is_space && text[i] == '+' ? ' ' : text[i]);
  }
  if (!is_valid_utf8(out) || out.find('\0') != std::string::npos) return std::nullopt;
  return out;
}

template <typename Visit>
void split(std::string_view text, char separator, Visit visit) {
  for (;;) {
    const auto end = text.find(separator);
    visit(text.substr(0, end));
    if (end == std::string_view::npos) return;
    text.remove_prefix(end + 1);
  }
}

std::optional<std::vector<std::string>> parse_path(std::string_view path) {
  std::vector<std::string> segments;
  bool good = true;
  const char* const end = path.data() + path.size();
  split(path.substr(1), '/', [&](std::string_view segment) {
    // Of several slashes one counts, as in Glance; at the end one stays.
    if (segment.empty() && segment.data() != end) return;
    auto decoded = percent_decode(segment, false);
    good = good && decoded;
    if (decoded) segments.push_back(std::move(*decoded));
  });
  if (!good) return std::nullopt;
  return segments;
}

std::optional<Query> parse_query(std::string_view text) {
  Query query;
  bool good = true;
  split(text, '&', [&](std::string_view pair) {
    if (pair.empty()) return;
    const auto equals = pair.find('=');
    auto name = percent_decode(pair.substr(0, equals), true);
    auto value = equals == std::string_view::npos ? std::optional<std::string>("")
                                                  : percent_decode(pair.substr(equals + 1), true);
    good = good && name && value;
    if (name && value) query.emplace_back(std::move(*name), std::move(*value));
  });
  if (!good) return std::nullopt;
  return query;
}

/// The length of an absolute target's `http://`; 0 for other forms.
std::size_t scheme_size(std::string_view target) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (equal_ignoring_case(target.substr(0, scheme.size()), scheme)) return scheme.size();
  }
  return 0;
}

/// Cuts `scheme://authority` off the absolute form, which RFC 9112 § 3.2.2 makes servers accept.
std::string_view without_authority(std::string_view target) {
  const auto scheme = scheme_size(target);
  if (scheme == 0) return target;
  const auto path = target.find_first_of("/?", scheme);
  return path == std::string_view::npos ? "/" : target.substr(path);
}

}  // namespace

bool is_token_character(char c) noexcept {
  constexpr std::string_view kPunctuation = "!#$%&'*+-.^_`|~";
  return is_alphanumeric(c) || kPunctuation.find(c) != std::string_view::npos;
}

std::optional<std::uint64_t> parse_digits(std::string_view text) noexcept {
  std::uint64_t value = 0;
  const auto [rest, error] = std::from_chars(text.begin(), text.end(), value);
  if (error != std::errc{} || rest != text.end()) return std::nullopt;
  return value;
}

std::optional<Target> parse_target(std::string_view target) {
  if (target == "*") return Target{.path = {"*"}, .query = {}};
  target = without_authority(target);
  target = target.substr(0, target.find('#'));
  const auto question = target.find('?');
  const auto path_text = target.substr(0, question);
  const bool is_bare_query = path_text.empty() && question == 0;
  if (!path_text.starts_with('/') && !is_bare_query) return std::nullopt;

  auto path = parse_path(path_text.empty() ? "/" : path_text);
  auto query =
      question == std::string_view::npos ? Query{} : parse_query(target.substr(question + 1));
  if (!path || !query) return std::nullopt;
  return Target{.path = std::move(*path), .query = std::move(*query)};
}

std::optional<std::string_view> target_authority(std::string_view target) {
  const auto scheme = scheme_size(target);
  if (scheme == 0) return std::nullopt;
  const auto end = target.find_first_of("/?#", scheme);
  return target.substr(scheme, end == std::string_view::npos ? end : end - scheme);
}

std::string encode_query_value(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (is_alphanumeric(c) || std::string_view("_.-~").find(c) != std::string_view::npos) {
      out.push_back(c);
    } else if (c == ' ') {
      out.push_back('+');
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

std::optional<std::string_view> Request::header(std::string_view name) const noexcept {
  for (const auto& [key, value] : headers) {
    if (equal_ignoring_case(key, name)) return value;
  }
  return std::nullopt;
}

const std::string& Request::parameter(std::string_view name) const {
  const auto found = parameters.find(name);
  if (found == parameters.end()) {
    throw std::logic_error(fmt::format("the route of {} has no parameter {}", target, name));
  }
  return found->second;
}

Response json_response(std::string body, int status) {
  return {
      .status = status, .headers = {{"Content-Type", "application/json"}}, .body = std::move(body)};
}

}  // namespace glance::api
