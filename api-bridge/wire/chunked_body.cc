// SPDX-License-Identifier: Apache-2.0
#include "api-bridge/wire/chunked_body.h"

#include <algorithm>
#include <charconv>

#include "api-bridge/wire/http.h"
#include "api-bridge/wire/http_error.h"
#include "catalog/text/ascii.h"
#include "catalog/text/hex.h"

namespace glance::api {
namespace {

constexpr std::size_t kMaxLine = std::size_t{4} * 1024;
constexpr std::size_t kMaxTrailers = std::size_t{16} * 1024;
constexpr std::size_t kMaxSizeDigits = 16;

[[noreturn]] void refuse(const char* why) {
  throw HttpError(400, "The request's body is malformed.", why);
}

/// Tabs may stand in extensions and trailers; other control characters nowhere.
bool has_control_character(std::string_view line) {
  return std::ranges::any_of(line, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\t') || byte == 0x7F;
  });
}

/// Takes a token off the front of `text`; false if there is none.
bool take_token(std::string_view& text) {
  const auto end = std::ranges::find_if_not(text, is_token_character);
  const auto size = static_cast<std::size_t>(end - text.begin());
  text.remove_prefix(size);
  return size > 0;
}

/// The same with a quoted string, of whose content nothing but its end matters.
bool take_quoted_string(std::string_view& text) {
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '"') {
      text.remove_prefix(i + 1);
      return true;
    }
    if (text[i] == '\\') ++i;
  }
  return false;
}

/// Takes `mark` with the blanks around it, where it is the next that is no blank.
bool take_mark(std::string_view& text, char mark) {
  const auto place = text.find_first_not_of(" \t");
  if (place == std::string_view::npos || text[place] != mark) return false;
  text.remove_prefix(place + 1);
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
  return true;
}

/// RFC 9112 § 7.1.1: `;name`, `;name=token`, `;name="text"`, any number of them. Control characters
/// are refused before.
bool are_extensions(std::string_view text) {
  while (!text.empty()) {
    if (!take_mark(text, ';') || !take_token(text)) return false;
    if (!take_mark(text, '=')) continue;
    if (!(text.starts_with('"') ? take_quoted_string(text) : take_token(text))) return false;
  }
  return true;
}

}  // namespace

std::size_t ChunkedBody::take_framing(std::string_view text) {
  std::size_t taken = 0;
  while (data_left_ == 0 && !is_done()) {
    const auto size = take_line(text.substr(taken));
    if (size == 0) break;
    taken += size;
  }
  return taken;
}

std::size_t ChunkedBody::take_line(std::string_view text) {
  constexpr std::string_view kLineEnd = "\r\n";
  if (state_ == State::data_end && !kLineEnd.starts_with(text.substr(0, kLineEnd.size()))) {
    refuse("A chunk is longer than its size.");
  }
  const auto end = text.find('\n');
  if (std::min(end, text.size()) > kMaxLine) refuse("A line of the chunked coding is too long.");
  if (end == std::string_view::npos) return 0;
  if (end == 0 || text[end - 1] != '\r') refuse("A line does not end in CR LF.");
  const auto line = text.substr(0, end - 1);
  if (has_control_character(line)) refuse("A line holds a control character.");
  switch (state_) {
    case State::size:
      start_chunk(line);
      break;
    case State::data_end:
      if (!line.empty()) refuse("A chunk is longer than its size.");
      state_ = State::size;
      break;
    case State::trailer:
      take_trailer(line);
      break;
    case State::done:
      break;
  }
  return end + 1;
}

void ChunkedBody::start_chunk(std::string_view line) {
  const auto count =
      static_cast<std::size_t>(std::ranges::find_if_not(line, is_hex_digit) - line.begin());
  const auto digits = line.substr(0, count);
  std::uint64_t size = 0;
  std::from_chars(digits.begin(), digits.end(), size, 16);
  if (digits.empty() || digits.size() > kMaxSizeDigits || size > INT64_MAX) {
    refuse("No chunk size.");
  }
  if (!are_extensions(line.substr(count))) refuse("A chunk's size has a malformed extension.");
  data_left_ = size;
  state_ = size > 0 ? State::data_end : State::trailer;
}

void ChunkedBody::take_trailer(std::string_view line) {
  if (line.empty()) {
    state_ = State::done;
    return;
  }
  trailer_bytes_ += line.size();
  if (trailer_bytes_ > kMaxTrailers) refuse("The trailers are too long.");
  if (!take_token(line) || !line.starts_with(':')) refuse("A trailer is malformed.");
}

}  // namespace glance::api
