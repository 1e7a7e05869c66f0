// SPDX-License-Identifier: Apache-2.0
#include "api-bridge/http_server/request_head.h"

#include <string>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <fmt/format.h>

#include "api-bridge/wire/head_check.h"
#include "api-bridge/wire/http_error.h"
#include "catalog/model/image.h"
#include "catalog/text/ascii.h"

namespace glance::api {
namespace {

namespace http = boost::beast::http;
using Parser = http::request_parser<http::empty_body>;

constexpr std::size_t kMaxRequestId = 64;  // Glance's max_request_id_length

void require_sound(std::string_view text, const ServerLimits& limits) {
  const auto line = text.substr(0, text.find("\r\n"));
  if (line.size() > limits.target_bytes) throw HttpError(414, "The request's target is too long.");
  if (text.size() > limits.head_bytes) throw HttpError(431, "The request's head is too large.");
  if (const auto fault = head_fault(text)) throw HttpError(fault->status, std::string(fault->text));
}

/// Beast knows no version beyond 1.1, which is what they are to be understood as.
std::string as_http_1_1(std::string_view text) {
  const auto line = text.substr(0, text.find("\r\n"));
  std::string out(text);
  if (minor_version(line).value_or(0) > 1) out[line.size() - 1] = '1';
  return out;
}

void parse(std::string_view text, Parser& parser) {
  boost::system::error_code error;
  parser.body_limit(boost::none);
  parser.header_limit(static_cast<std::uint32_t>(text.size()));
  parser.put(boost::asio::buffer(text), error);
  if (error || !parser.is_header_done()) throw HttpError(400, "The request's head is malformed.");
}

std::string request_id(const Request& request) {
  const auto given = request.header("X-Openstack-Request-Id").value_or("");
  if (given.size() > kMaxRequestId) throw HttpError(431, "The request id is too long.");
  if (given.starts_with("req-")) return std::string(given);
  return fmt::format("req-{}", given.empty() ? ImageId::random().text() : std::string(given));
}

/// What the client called us: RFC 9112 § 3.2.2 puts an absolute target's authority above Host.
std::string authority(const Request& request, std::string_view local) {
  if (const auto named = target_authority(request.target)) {
    if (named->empty() || !is_host(*named)) throw HttpError(400, "The target's host is malformed.");
    return std::string(*named);
  }
  const auto host = request.header("Host").value_or("");
  return std::string(host.empty() ? local : host);
}

void require_no_content_coding(const Request& request) {
  const auto coding = trim(request.header("Content-Encoding").value_or(""));
  if (!request.has_body() || coding.empty() || equal_ignoring_case(coding, "identity")) return;
  throw HttpError(415, "Requests with a Content-Encoding are not supported.", {},
                  {{"Accept-Encoding", "identity"}});
}

/// Only HTTP/1.1 has expectations.
bool expects_continue(const RequestHead& head) {
  const auto expectation = head.request.header("Expect");
  if (!expectation || trim(*expectation).empty() || !head.is_http_1_1) return false;
  if (equal_ignoring_case(*expectation, "100-continue")) return true;
  throw HttpError(417, "The only expectation understood is 100-continue.");
}

}  // namespace

void parse_request_head(std::string_view text, const Endpoint& endpoint, const ServerLimits& limits,
                        RequestHead& head) {
  require_sound(text, limits);
  Parser parser;
  parse(as_http_1_1(text), parser);

  const auto& message = parser.get();
  auto& request = head.request;
  request.method = std::string(message.method_string());
  request.target = std::string(message.target());
  for (const auto& field : message) {
    request.headers.emplace_back(field.name_string(), field.value());
  }
  request.request_id = request_id(request);
  if (request.headers.size() > limits.head_fields) {
    throw HttpError(431,
                    fmt::format("The request has more than {} header fields.", limits.head_fields));
  }
  head.is_http_1_1 = message.version() == 11;
  head.keep_alive = message.keep_alive();
  request.is_chunked = parser.chunked();
  if (const auto length = parser.content_length()) request.content_length = *length;
  request.base_url = fmt::format("{}://{}", endpoint.scheme, authority(request, endpoint.local));
  auto target = parse_target(request.target);
  if (!target) throw HttpError(400, "The request's target is malformed.");
  request.path = std::move(target->path);
  request.query = std::move(target->query);
  require_no_content_coding(request);
  head.expects_continue = expects_continue(head);
}

}  // namespace glance::api
