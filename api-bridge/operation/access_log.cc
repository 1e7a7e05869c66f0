// SPDX-License-Identifier: Apache-2.0
#include "api-bridge/operation/access_log.h"

#include <string_view>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "catalog/text/one_line.h"

namespace glance::api {
namespace {

constexpr int kClientClosed = 499;

std::string escaped(std::string_view text) {
  if (text.empty()) return "-";
  std::string out;
  for (const char c : one_line(text)) {
    if (c == '"') {
      out += "\\x22";
    } else {
      out.push_back(c);
    }
  }
  return out;
}

/// Like escaped(), and without blanks, which separate the fields that no quotes enclose.
std::string word(std::string_view text) {
  auto out = escaped(text);
  for (char& c : out) {
    if (c == ' ') c = '_';
  }
  return out;
}

/// `http://user:password@host/path` is no target that we answer, but one that may be sent.
std::string without_password(std::string_view target) {
  const auto authority = target_authority(target);
  if (!authority) return std::string(target);
  const auto at = authority->rfind('@');
  if (at == std::string_view::npos) return std::string(target);
  const auto start = static_cast<std::size_t>(authority->data() - target.data());
  return fmt::format("{}***{}", target.substr(0, start), target.substr(start + at));
}

std::string request_line(const RequestRecord& record) {
  const auto& request = record.request;
  if (request.method.empty()) return "-";  // it was not understood
  return fmt::format("{} {} HTTP/1.{}", escaped(request.method),
                     escaped(without_password(request.target)), record.is_http_1_1 ? 1 : 0);
}

}  // namespace

std::string access_line(const RequestRecord& record, std::chrono::system_clock::time_point when) {
  const auto& request = record.request;
  const auto time = fmt::gmtime(std::chrono::system_clock::to_time_t(when));
  const std::chrono::duration<double> seconds = record.time;
  return fmt::format("{} - {} [{:%d/%b/%Y:%H:%M:%S} +0000] \"{}\" {} {} \"{}\" \"{}\" {} {:.3f}\n",
                     word(request.peer), word(request.caller.user.value_or("")), time,
                     request_line(record), record.status == 0 ? kClientClosed : record.status,
                     record.sent, escaped(request.header("Referer").value_or("")),
                     escaped(request.header("User-Agent").value_or("")), word(request.request_id),
                     seconds.count());
}

}  // namespace glance::api
