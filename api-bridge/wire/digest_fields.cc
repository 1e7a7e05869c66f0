// SPDX-License-Identifier: Apache-2.0
#include "api-bridge/wire/digest_fields.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "api-bridge/wire/http_error.h"
#include "catalog/text/ascii.h"
#include "catalog/text/hex.h"

namespace glance::api {
namespace {

struct Algorithm {
  std::string_view field_name;  ///< in RFC 9530's registry
  std::string_view name;        ///< OpenSSL's and Glance's
  std::size_t size;             ///< bytes
};

constexpr std::array<Algorithm, 3> kAlgorithms = {
    {{"md5", "md5", 16}, {"sha-256", "sha256", 32}, {"sha-512", "sha512", 64}}};

/// Hex by the algorithm's name.
using Values = std::map<std::string_view, std::string>;

std::optional<unsigned> base64_digit(char c) {
  if (is_upper(c)) return c - 'A';
  if (is_lower(c)) return c - 'a' + 26;
  if (is_digit(c)) return c - '0' + 52;
  if (c == '+') return 62;
  if (c == '/') return 63;
  return std::nullopt;
}

/// The bytes of a base64 text, as hex; nothing if it is none.
std::optional<std::string> hex_of_base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  const auto digits = text.find('=');
  const auto data = text.substr(0, digits);
  const auto padding = text.size() - data.size();
  if (padding > 2 || text.substr(data.size()) != std::string_view("==").substr(0, padding)) {
    return std::nullopt;
  }
  std::vector<unsigned char> bytes;
  std::uint32_t bits = 0;
  unsigned count = 0;
  for (const char c : data) {
    const auto digit = base64_digit(c);
    if (!digit) return std::nullopt;
    bits = (bits << 6) | *digit;
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes.push_back((bits >> count) & 0xFF);
  }
  return to_hex(bytes);
}

void add(Values& values, const Algorithm& algorithm, std::string hex) {
  const auto [place, fresh] = values.emplace(algorithm.name, hex);
  if (fresh || place->second == hex) return;
  throw HttpError(
      400, fmt::format("The request announces two different {} digests.", algorithm.field_name));
}

[[noreturn]] void refuse(std::string_view field, const Algorithm& algorithm) {
  throw HttpError(400, fmt::format("{} is malformed: {} wants {} bytes in base64.", field,
                                   algorithm.field_name, algorithm.size));
}

void read_content_md5(const Request& request, Values& values) {
  constexpr std::string_view kField = "Content-MD5";
  const auto& md5 = kAlgorithms.front();
  const auto text = trim(request.header(kField).value_or(""));
  if (text.empty()) return;
  if (is_hex(text, 2 * md5.size)) return add(values, md5, lower_case(text));
  auto hex = hex_of_base64(text);
  if (!hex || hex->size() != 2 * md5.size) refuse(kField, md5);
  add(values, md5, *std::move(hex));
}

/// One member of a dictionary of structured fields (RFC 8941): `sha-256=:base64:;parameter`.
void read_member(std::string_view field, std::string_view member, Values& values) {
  const auto equals = member.find('=');
  const auto key = trim(member.substr(0, equals));
  const auto* algorithm =
      std::ranges::find_if(kAlgorithms, [&](const auto& known) { return known.field_name == key; });
  if (algorithm == kAlgorithms.end()) return;
  const auto value = equals == member.npos ? std::string_view() : trim(member.substr(equals + 1));
  const auto end = value.find(':', 1);
  const bool enclosed = value.starts_with(':') && end != value.npos;
  const auto rest = enclosed ? trim(value.substr(end + 1)) : std::string_view();
  if (!enclosed || !(rest.empty() || rest.starts_with(';'))) refuse(field, *algorithm);
  auto hex = hex_of_base64(value.substr(1, end - 1));
  if (!hex || hex->size() != 2 * algorithm->size) refuse(field, *algorithm);
  add(values, *algorithm, *std::move(hex));
}

void read_dictionary(const Request& request, std::string_view field, Values& values) {
  for (const auto& [name, value] : request.headers) {
    if (!equal_ignoring_case(name, field)) continue;
    for (std::string_view rest = value; !rest.empty();) {
      const auto comma = rest.find(',');
      read_member(field, rest.substr(0, comma), values);
      rest = comma == rest.npos ? std::string_view() : rest.substr(comma + 1);
    }
  }
}

}  // namespace

Expectation announced_digests(const Request& request, std::string_view preferred) {
  Values values;
  read_content_md5(request, values);
  read_dictionary(request, "Repr-Digest", values);
  read_dictionary(request, "Content-Digest", values);
  Expectation expected;
  if (const auto md5 = values.find("md5"); md5 != values.end()) expected.checksum = md5->second;
  for (const auto algorithm : {preferred, std::string_view("sha512"), std::string_view("sha256")}) {
    const auto found = values.find(algorithm);
    if (found == values.end()) continue;
    expected.os_hash_algo = std::string(algorithm);
    expected.os_hash_value = found->second;
    break;
  }
  return expected;
}

}  // namespace glance::api
