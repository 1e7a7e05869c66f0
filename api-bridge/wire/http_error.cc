// SPDX-License-Identifier: Apache-2.0
#include "api-bridge/wire/http_error.h"

#include <charconv>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <spdlog/spdlog.h>

#include "catalog/text/ascii.h"

namespace glance::api {
namespace {

constexpr std::string_view kServerFault =
    "The server has either erred or is incapable of performing the requested operation.";

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

/// The weight that one element of an Accept header (`text/*;q=0.5`) gives.
double weight_of(std::string_view parameters) {
  for (auto rest = parameters; !rest.empty();) {
    const auto end = rest.find(';');
    const auto parameter = trim(rest.substr(0, end));
    if (parameter.starts_with("q=") || parameter.starts_with("Q=")) {
      double weight = 0;
      std::from_chars(parameter.begin() + 2, parameter.end(), weight);
      return weight;
    }
    rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
  }
  return 1;
}

/// How well an Accept header likes a media type, by its most specific element that matches.
double preference(std::string_view accept, std::string_view type) {
  const auto any_subtype = fmt::format("{}/*", type.substr(0, type.find('/')));
  int best_rank = 0;
  double weight = 0;
  while (!accept.empty()) {
    const auto end = accept.find(',');
    const auto element = accept.substr(0, end);
    const auto semicolon = element.find(';');
    const auto range = trim(element.substr(0, semicolon));
    const int rank = equal_ignoring_case(range, type)          ? 3
                     : equal_ignoring_case(range, any_subtype) ? 2
                     : range == "*/*"                          ? 1
                                                               : 0;
    if (rank > best_rank) {
      best_rank = rank;
      weight = semicolon == std::string_view::npos ? 1 : weight_of(element.substr(semicolon + 1));
    }
    accept = end == std::string_view::npos ? std::string_view{} : accept.substr(end + 1);
  }
  return weight;
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

std::string_view level_name(int status) {
  return status < 500 ? "refused" : "failed";
}

/// In place of words that are not ours.
std::string text_of(Errc code) {
  if (code == Errc::no_space) return "There is not enough space in the store.";
  if (code == Errc::over_quota) return "The quota of the store is used up.";
  if (code == Errc::too_large) return "The data are larger than the store can take.";
  return "The catalog's storage failed; the server's log says more.";
}

/// What is wrong with the disk or the database is the operator's to know, not the client's.
std::string client_text(const Error& error) {
  const auto code = error.code();
  if (code == Errc::busy) return "The server is busy. Try again later.";
  if (code == Errc::unavailable) return "The image store is not available. Try again later.";
  if (code == Errc::read_only) return "The image store takes no writes.";
  if (status_of(code) == 500) return std::string(kServerFault);
  return error.words() == Error::Words::foreign ? text_of(code) : error.what();
}

HttpError from_catalog(const Error& error, const Request& request) {
  const int status = status_of(error.code());
  // The client is told no more than its status: the log is the only place that knows.
  const bool hidden = error.words() == Error::Words::foreign;
  const auto level = status >= 500 ? spdlog::level::err
                     : hidden      ? spdlog::level::warn
                                   : spdlog::level::debug;
  spdlog::log(level, "{} {} {} {}: {}: {}", request.request_id, request.method, request.target,
              level_name(status), to_string(error.code()), error.what());
  return {status, client_text(error)};
}

HttpError unforeseen(const Request& request, std::string_view what) {
  spdlog::error("{} {} {} failed: {}", request.request_id, request.method, request.target, what);
  return {500, std::string(kServerFault)};
}

HttpError translate(const std::exception_ptr& failure, const Request& request) {
  try {
    std::rethrow_exception(failure);
  } catch (const HttpError& error) {
    return error;
  } catch (const Error& error) {
    return from_catalog(error, request);
  } catch (const std::exception& error) {
    return unforeseen(request, error.what());
  } catch (...) {
    return unforeseen(request, "unknown exception");
  }
}

std::string words_of(const std::exception_ptr& failure) {
  try {
    std::rethrow_exception(failure);
  } catch (const std::exception& error) {
    return error.what();
  } catch (...) {
    return "unknown exception";
  }
}

}  // namespace

int status_of(Errc code) noexcept {
  switch (code) {
    case Errc::invalid:
      return 400;
    case Errc::forbidden:
    case Errc::protected_:
    case Errc::read_only_key:
    case Errc::deactivated:
      return 403;
    case Errc::not_found:
    case Errc::missing:
      return 404;
    case Errc::exists:
    case Errc::conflict:
    case Errc::ambiguous:
    case Errc::immutable:
    case Errc::not_ready:
      return 409;
    case Errc::mismatch:
      return 400;
    case Errc::unmet:
      return 412;
    case Errc::gone:
    case Errc::read_only:
      return 410;
    case Errc::no_space:
    case Errc::over_quota:
    case Errc::too_large:
      return 413;
    case Errc::corrupt:
    case Errc::io:
      return 500;
    case Errc::unsupported:
      return 501;
    case Errc::unavailable:
    case Errc::busy:
      return 503;
  }
  return 500;
}

std::string_view reason_of(int status) noexcept {
  switch (status) {
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 206:
      return "Partial Content";
    case 300:
      return "Multiple Choices";
    case 302:
      return "Found";
    case 304:
      return "Not Modified";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 410:
      return "Gone";
    case 412:
      return "Precondition Failed";
    case 413:
      return "Request Entity Too Large";
    case 414:
      return "Request URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 416:
      return "Request Range Not Satisfiable";
    case 417:
      return "Expectation Failed";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    default:
      return "Unknown";
  }
}

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

Response failure_response(const std::exception_ptr& failure, const Request& request) {
  return error_response(translate(failure, request), request.header("Accept").value_or(""));
}

void log_broken_answer(const std::exception_ptr& failure, const Request& request) {
  spdlog::error("{} {} {}: the answer broke off: {}", request.request_id, request.method,
                request.target, words_of(failure));
}

}  // namespace glance::api
