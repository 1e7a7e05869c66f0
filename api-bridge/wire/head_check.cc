// SPDX-License-Identifier: Apache-2.0
#include "api-bridge/wire/head_check.h"

#include <algorithm>
#include <vector>

#include "api-bridge/wire/http.h"
#include "catalog/text/ascii.h"

namespace glance::api {
namespace {

using Fault = std::optional<HeadFault>;

/// The fields whose meaning two readers could disagree about.
struct FramingFields {
  std::vector<std::string_view> hosts;
  std::vector<std::string_view> lengths;
  std::vector<std::string_view> encodings;
};

Fault refuse(std::string_view text, int status = 400) {
  return HeadFault{.status = status, .text = text};
}

bool has_stray_line_end(std::string_view head) {
  for (std::size_t i = 0; i < head.size(); ++i) {
    const bool lone_cr = head[i] == '\r' && (i + 1 == head.size() || head[i + 1] != '\n');
    const bool lone_lf = head[i] == '\n' && (i == 0 || head[i - 1] != '\r');
    if (lone_cr || lone_lf) return true;
  }
  return false;
}

bool has_control_character(std::string_view head) {
  return std::ranges::any_of(head, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\t' && c != '\r' && c != '\n') || byte == 0x7F;
  });
}

Fault length_fault(const FramingFields& fields) {
  if (fields.lengths.size() > 1) return refuse("More than one Content-Length.");
  if (fields.lengths.empty()) return std::nullopt;
  const auto length = parse_digits(fields.lengths.front());
  // What no signed 64-bit number holds is no size of a file either.
  if (!length || *length > INT64_MAX) return refuse("Content-Length is not a number of bytes.");
  return std::nullopt;
}

/// Whether the last of a list of codings, and only that, is `chunked`.
bool ends_chunked(std::string_view codings) {
  for (;;) {
    const auto comma = codings.find(',');
    const bool chunked = equal_ignoring_case(trim(codings.substr(0, comma)), "chunked");
    if (comma == std::string_view::npos) return chunked;
    if (chunked) return false;
    codings.remove_prefix(comma + 1);
  }
}

Fault encoding_fault(const FramingFields& fields, bool is_http_1_1) {
  if (fields.encodings.empty()) return std::nullopt;
  if (!is_http_1_1) return refuse("Transfer-Encoding needs HTTP/1.1.");
  if (!fields.lengths.empty()) return refuse("Transfer-Encoding beside Content-Length.");
  if (fields.encodings.size() > 1) return refuse("More than one Transfer-Encoding.");
  const auto value = fields.encodings.front();
  if (equal_ignoring_case(value, "chunked")) return std::nullopt;
  // Without `chunked` once, as the last one, nobody knows where the body ends.
  return refuse("The only Transfer-Encoding understood is chunked.",
                ends_chunked(value) ? 501 : 400);
}

Fault host_fault(const FramingFields& fields, bool is_http_1_1) {
  if (fields.hosts.size() > 1) return refuse("More than one Host.");
  if (fields.hosts.empty()) return is_http_1_1 ? refuse("Host is missing.") : std::nullopt;
  return is_host(fields.hosts.front()) ? std::nullopt : refuse("Host is malformed.");
}

/// Takes the next line off `rest`, without its end.
std::string_view next_line(std::string_view& rest) {
  const auto end = rest.find("\r\n");
  const auto line = rest.substr(0, end);
  rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 2);
  return line;
}

Fault collect(std::string_view line, FramingFields& fields) {
  if (line.starts_with(' ') || line.starts_with('\t')) return refuse("A header line is folded.");
  const auto colon = line.find(':');
  if (colon == std::string_view::npos) return refuse("A header line has no colon.");
  const auto name = line.substr(0, colon);
  if (name.empty() || name.find_first_of(" \t") != std::string_view::npos) {
    return refuse("A header's name is malformed.");
  }
  const auto value = trim(line.substr(colon + 1));
  if (equal_ignoring_case(name, "Host")) fields.hosts.push_back(value);
  if (equal_ignoring_case(name, "Content-Length")) fields.lengths.push_back(value);
  if (equal_ignoring_case(name, "Transfer-Encoding")) fields.encodings.push_back(value);
  return std::nullopt;
}

}  // namespace

std::optional<unsigned> minor_version(std::string_view request_line) noexcept {
  constexpr std::string_view kMajor = " HTTP/1.";
  if (request_line.size() < kMajor.size() + 1) return std::nullopt;
  const char digit = request_line.back();
  request_line.remove_suffix(1);
  if (!request_line.ends_with(kMajor) || digit < '0' || digit > '9') return std::nullopt;
  return static_cast<unsigned>(digit - '0');
}

bool is_host(std::string_view text) noexcept {
  constexpr std::string_view kPunctuation = "-._~!$&'()*+,;=%:[]";
  return std::ranges::all_of(text, [&](char c) {
    return is_alphanumeric(c) || kPunctuation.find(c) != std::string_view::npos;
  });
}

std::optional<HeadFault> head_fault(std::string_view head) {
  if (has_stray_line_end(head)) return refuse("A line does not end in CR LF.");
  if (has_control_character(head)) return refuse("The head holds a control character.");
  const auto request_line = next_line(head);
  const auto minor = minor_version(request_line);
  if (!minor) return refuse("The version is not of the kind HTTP/1.x.");
  const bool is_http_1_1 = *minor > 0;

  FramingFields fields;
  while (!head.empty()) {
    const auto line = next_line(head);
    if (line.empty()) continue;  // the last one
    if (const auto fault = collect(line, fields)) return fault;
  }
  if (const auto fault = length_fault(fields)) return fault;
  if (const auto fault = encoding_fault(fields, is_http_1_1)) return fault;
  return host_fault(fields, is_http_1_1);
}

}  // namespace glance::api
