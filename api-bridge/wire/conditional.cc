// SPDX-License-Identifier: Apache-2.0
#include "api-bridge/wire/conditional.h"

#include <algorithm>
#include <array>
#include <span>

#include <fmt/format.h>
#include <openssl/sha.h>

#include "api-bridge/wire/http_error.h"
#include "catalog/text/ascii.h"
#include "catalog/text/hex.h"

namespace glance::api {
namespace {

constexpr std::string_view kWeak = "W/";

/// Whether `tag` is among the tags of the field's lines, or one of them is `*`. Weak tags are as
/// good as strong ones only where `weakly`.
bool is_named(const Request& request, std::string_view field, const std::optional<std::string>& tag,
              bool weakly) {
  const auto matches = [&](std::string_view element) {
    if (element == "*") return true;
    if (weakly && element.starts_with(kWeak)) element.remove_prefix(kWeak.size());
    return tag && element == *tag;
  };
  for (const auto& [name, value] : request.headers) {
    if (!equal_ignoring_case(name, field)) continue;
    // Our own tags hold no comma, so that another's, cut in two, equals none.
    for (std::string_view rest = value; !rest.empty();) {
      const auto comma = rest.find(',');
      if (matches(trim(rest.substr(0, comma)))) return true;
      rest = comma == rest.npos ? std::string_view() : rest.substr(comma + 1);
    }
  }
  return false;
}

}  // namespace

std::string entity_tag(std::string_view opaque) {
  return fmt::format("\"{}\"", opaque);
}

std::string entity_tag_of(std::string_view text) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  ::SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
  constexpr std::size_t kEnough = 16;
  return entity_tag(to_hex(std::span(digest).first(kEnough)));
}

std::optional<std::string> data_tag(const Image& image) {
  if (!image.checksum) return std::nullopt;
  return entity_tag(*image.checksum);
}

bool is_matched(const Request& request, const std::optional<std::string>& tag) {
  return !request.header("If-Match") || is_named(request, "If-Match", tag, false);
}

void require_match(const Request& request, const std::optional<std::string>& tag) {
  if (!is_matched(request, tag)) throw HttpError(412, "If-Match does not name the present state.");
}

bool is_not_modified(const Request& request, const std::optional<std::string>& tag) {
  require_match(request, tag);
  return request.header("If-None-Match") && is_named(request, "If-None-Match", tag, true);
}

bool range_applies(const Request& request, const std::optional<std::string>& tag) {
  const auto condition = request.header("If-Range");
  return !condition || (tag && trim(*condition) == *tag);
}

Response tagged(const Request& request, Response response) {
  const auto* text = std::get_if<std::string>(&response.body);
  if (response.status != 200 || text == nullptr) return response;
  const auto tag = entity_tag_of(*text);
  const bool unchanged = is_not_modified(request, tag);
  if (unchanged) {
    // A 304 has what 200 would have had, but for what describes the body: RFC 9110 § 15.4.5.
    response.status = 304;
    response.body = {};
    std::erase_if(response.headers,
                  [](const auto& field) { return field.first == "Content-Type"; });
  }
  response.headers.emplace_back("ETag", tag);
  return response;
}

}  // namespace glance::api
