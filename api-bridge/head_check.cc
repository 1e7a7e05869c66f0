// SPDX-License-Identifier: Apache-2.0
#include "api-bridge/head_check.h"

#include <algorithm>
#include <vector>

#include "api-bridge/http.h"

namespace glance::api {
namespace {

/// The fields whose meaning two readers could disagree about.
struct FramingFields {
  std::vector<std::string_view> hosts;
  std::vector<std::string_view> lengths;
  std::vector<std::string_view> encodings;
};

bool has_stray_line_end(std::string_view head) {
  for (std::size_t i = 0; i < head.size(); ++i) {
    const bool lone_cr = head[i] == '\r' && (i + 1 == head.size() || head[i + 1] != '\n');
    const bool lone_lf = head[i] == '\n' && (i == 0 || head[i - 1] != '\r');
    if (lone_cr || lone_lf || head[i] == '\0') return true;
  }
  return false;
}

bool is_host(std::string_view text) {
  constexpr std::string_view kPunctuation = "-._~!$&'()*+,;=%:[]";
  return std::ranges::all_of(text, [&](char c) {
    const bool alphanumeric =
        (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    return alphanumeric || kPunctuation.find(c) != std::string_view::npos;
  });
}

std::optional<std::string_view> length_fault(const FramingFields& fields) {
  if (fields.lengths.size() > 1) return "More than one Content-Length.";
  if (!fields.lengths.empty() && !parse_digits(fields.lengths.front())) {
    return "Content-Length is not a number of bytes.";
  }
  return std::nullopt;
}

std::optional<std::string_view> encoding_fault(const FramingFields& fields, bool is_http_1_1) {
  if (fields.encodings.empty()) return std::nullopt;
  if (!is_http_1_1) return "Transfer-Encoding needs HTTP/1.1.";
  if (!fields.lengths.empty()) return "Transfer-Encoding beside Content-Length.";
  if (fields.encodings.size() > 1 || !equal_ignoring_case(fields.encodings.front(), "chunked")) {
    return "The only Transfer-Encoding understood is chunked.";
  }
  return std::nullopt;
}

std::optional<std::string_view> host_fault(const FramingFields& fields, bool is_http_1_1) {
  if (fields.hosts.size() > 1) return "More than one Host.";
  if (fields.hosts.empty()) {
    return is_http_1_1 ? std::optional<std::string_view>("Host is missing.") : std::nullopt;
  }
  return is_host(fields.hosts.front()) ? std::nullopt
                                       : std::optional<std::string_view>("Host is malformed.");
}

/// Takes the next line off `rest`, without its end.
std::string_view next_line(std::string_view& rest) {
  const auto end = rest.find("\r\n");
  const auto line = rest.substr(0, end);
  rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 2);
  return line;
}

void collect(std::string_view line, FramingFields& fields) {
  const auto colon = line.find(':');
  if (colon == std::string_view::npos) return;  // the parser refuses it
  const auto name = line.substr(0, colon);
  const auto value = trim(line.substr(colon + 1));
  if (equal_ignoring_case(name, "Host")) fields.hosts.push_back(value);
  if (equal_ignoring_case(name, "Content-Length")) fields.lengths.push_back(value);
  if (equal_ignoring_case(name, "Transfer-Encoding")) fields.encodings.push_back(value);
}

}  // namespace

std::optional<std::string_view> head_fault(std::string_view head) {
  if (has_stray_line_end(head)) return "A line does not end in CR LF.";
  const auto request_line = next_line(head);
  const bool is_http_1_1 = request_line.ends_with(" HTTP/1.1");
  if (!is_http_1_1 && !request_line.ends_with(" HTTP/1.0")) {
    return "The version is neither HTTP/1.1 nor HTTP/1.0.";
  }

  FramingFields fields;
  while (!head.empty()) {
    const auto line = next_line(head);
    if (line.starts_with(' ') || line.starts_with('\t')) return "A header line is folded.";
    collect(line, fields);
  }
  if (const auto fault = length_fault(fields)) return fault;
  if (const auto fault = encoding_fault(fields, is_http_1_1)) return fault;
  return host_fault(fields, is_http_1_1);
}

}  // namespace glance::api
