// SPDX-License-Identifier: Apache-2.0
#include "api-bridge/wire/response_head.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "api-bridge/wire/reason.h"

namespace glance::api {
namespace {

void append_field(std::string& head, std::string_view name, std::string_view value) {
  head += name;
  head += ": ";
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    head.push_back(byte < 0x20 || byte == 0x7F ? ' ' : c);
  }
  head += "\r\n";
}

}  // namespace

std::uint64_t body_size(const Response& response) noexcept {
  const auto* text = std::get_if<std::string>(&response.body);
  return text != nullptr ? text->size() : std::get<FileSlice>(response.body).length;
}

bool is_bodyless(int status) noexcept {
  return status < 200 || status == 204 || status == 304;
}

std::string response_head(const Response& response, const Framing& framing) {
  auto head = fmt::format("HTTP/1.1 {} {}\r\n", response.status, reason_of(response.status));
  for (const auto& [name, value] : response.headers) append_field(head, name, value);
  if (!is_bodyless(response.status)) {
    append_field(head, "Content-Length", fmt::format("{}", body_size(response)));
  }
  append_field(head, "Date", fmt::format("{:%a, %d %b %Y %H:%M:%S} GMT", fmt::gmtime(framing.now)));
  if (!framing.keep_alive) {
    append_field(head, "Connection", "close");
  } else if (!framing.is_http_1_1) {
    append_field(head, "Connection", "keep-alive");
  }
  head += "\r\n";
  return head;
}

}  // namespace glance::api
