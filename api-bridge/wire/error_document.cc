// SPDX-License-Identifier: Apache-2.0
#include "api-bridge/wire/error_document.h"

#include <string>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "api-bridge/wire/accept.h"
#include "api-bridge/wire/reason.h"

namespace glance::api {
namespace {

std::string escape_html(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#x27;";
        break;
      default:
        out.push_back(c);
    }
  }
  return out;
}

std::string on_one_line(std::string text) {
  for (char& c : text) {
    if (c == '\n' || c == '\r') c = ' ';
  }
  return text;
}

// The three documents are those of WebOb, blank lines included: what clients show is cut out of
// them line by line.
Response html_document(const HttpError& error, const std::string& status) {
  return {.status = error.status(),
          .headers = {{"Content-Type", "text/html; charset=UTF-8"}},
          .body = fmt::format("<html>\n <head>\n  <title>{0}</title>\n </head>\n <body>\n"
                              "  <h1>{0}</h1>\n  {1}<br /><br />\n{2}\n\n\n </body>\n</html>",
                              status, escape_html(error.what()), escape_html(error.detail()))};
}

Response json_document(const HttpError& error, const std::string& status) {
  const nlohmann::ordered_json document = {
      {"message", fmt::format("{}<br /><br />\n{}\n\n", error.what(), error.detail())},
      {"code", status},
      {"title", reason_of(error.status())}};
  return json_response(
      document.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace),
      error.status());
}

Response plain_document(const HttpError& error, const std::string& status) {
  return {.status = error.status(),
          .headers = {{"Content-Type", "text/plain; charset=UTF-8"}},
          .body = fmt::format("{}\n\n{}\n\n {}  ", status, on_one_line(error.what()),
                              on_one_line(error.detail()))};
}

}  // namespace

Response error_response(const HttpError& error, std::string_view accept) {
  const auto status = fmt::format("{} {}", error.status(), reason_of(error.status()));
  const double html = preference(accept, "text/html");
  const double json = preference(accept, "application/json");
  Response response = html > 0 && html >= json ? html_document(error, status)
                      : json > 0               ? json_document(error, status)
                                               : plain_document(error, status);
  response.headers.insert(response.headers.end(), error.headers().begin(), error.headers().end());
  return response;
}

}  // namespace glance::api
