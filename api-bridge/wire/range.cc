// SPDX-License-Identifier: Apache-2.0
#include "api-bridge/wire/range.h"

#include <algorithm>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "api-bridge/wire/http_error.h"
#include "catalog/text/ascii.h"

namespace glance::api {
namespace {

/// RFC 9110 § 15.5.17: with the size there is, so that the client can ask again.
[[noreturn]] void refuse(const std::string& detail, std::uint64_t size) {
  throw HttpError(416, "The Range requested is not available.", detail,
                  {{"Content-Range", fmt::format("bytes */{}", size)}});
}

[[noreturn]] void refuse_position(std::string_view which, std::string_view field,
                                  std::uint64_t size) {
  if (size == 0) refuse("The image is empty.", size);
  refuse(fmt::format("Invalid {} position in {} header. It must be in the inclusive range "
                     "[0, {}].",
                     which, field, size - 1),
         size);
}

/// A position; one too large for 64 bits lies beyond every image.
std::uint64_t position(std::string_view digits, std::string_view field, std::uint64_t size) {
  const bool numeric =
      !digits.empty() && std::ranges::all_of(digits, [](char c) { return c >= '0' && c <= '9'; });
  if (!numeric) refuse(fmt::format("Invalid {} header.", field), size);
  return parse_digits(digits).value_or(UINT64_MAX);
}

ByteRange between(std::uint64_t first, std::uint64_t last) {
  return {.offset = first, .length = last - first + 1};
}

ByteRange parse_range(std::string_view text, std::uint64_t size) {
  constexpr std::string_view kField = "Range";
  constexpr std::string_view kUnit = "bytes=";
  if (text.find(',') != std::string_view::npos) {
    throw HttpError(400,
                    "Requests with multiple ranges are not supported in Glance. You may make "
                    "multiple single-range requests instead.");
  }
  const auto spec = text.substr(std::min(kUnit.size(), text.size()));
  const auto dash = spec.find('-');
  if (!equal_ignoring_case(text.substr(0, kUnit.size()), kUnit) || dash == std::string_view::npos) {
    refuse("Invalid Range header.", size);
  }
  const auto first_text = trim(spec.substr(0, dash));
  const auto last_text = trim(spec.substr(dash + 1));
  if (first_text.empty()) {
    const auto suffix = position(last_text, kField, size);
    if (size == 0) refuse_position("start", kField, size);
    // Glance takes a suffix of no bytes for all of them.
    if (suffix == 0 || suffix >= size) return {.offset = 0, .length = size};
    return {.offset = size - suffix, .length = suffix};
  }
  const auto first = position(first_text, kField, size);
  const auto last = last_text.empty() ? UINT64_MAX : position(last_text, kField, size);
  if (last < first) refuse("Invalid Range header.", size);
  if (first >= size) refuse_position("start", kField, size);
  return between(first, std::min(last, size - 1));
}

/// `bytes 2-5/*`; unlike a Range its end is not cut to the image's.
ByteRange parse_content_range(std::string_view text, std::uint64_t size) {
  constexpr std::string_view kField = "Content-Range";
  constexpr std::string_view kUnit = "bytes ";
  const auto dash = text.find('-');
  const auto slash = text.find('/');
  if (!equal_ignoring_case(text.substr(0, kUnit.size()), kUnit) || dash == std::string_view::npos ||
      slash == std::string_view::npos || slash < dash) {
    refuse("Invalid Content-Range header.", size);
  }
  const auto first = position(trim(text.substr(kUnit.size(), dash - kUnit.size())), kField, size);
  const auto last = position(trim(text.substr(dash + 1, slash - dash - 1)), kField, size);
  if (last < first) refuse("Invalid Content-Range header.", size);
  if (first >= size) refuse_position("start", kField, size);
  if (last >= size) refuse_position("stop", kField, size);
  return between(first, last);
}

}  // namespace

std::optional<ByteRange> requested_range(const Request& request, std::uint64_t size) {
  if (const auto range = request.header("Range")) return parse_range(trim(*range), size);
  if (const auto range = request.header("Content-Range")) {
    return parse_content_range(trim(*range), size);
  }
  return std::nullopt;
}

}  // namespace glance::api
