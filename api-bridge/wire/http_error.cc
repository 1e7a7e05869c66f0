// SPDX-License-Identifier: Apache-2.0
#include "api-bridge/wire/http_error.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "api-bridge/wire/conditional.h"
#include "api-bridge/wire/error_document.h"

namespace glance::api {
namespace {

constexpr std::string_view kServerFault =
    "The server has either erred or is incapable of performing the requested operation.";

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
              level_name(status), to_string(error.code()), shortened(error.what()));
  return {status, client_text(error)};
}

HttpError unforeseen(const Request& request, std::string_view what) {
  spdlog::error("{} {} {} failed: {}", request.request_id, request.method, request.target,
                shortened(what));
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

std::string shortened(std::string_view text) {
  if (text.size() <= kMaxExplanation) return std::string(text);
  constexpr std::string_view kMark = " … ";
  constexpr auto kHalf = (kMaxExplanation - kMark.size()) / 2;
  const auto continues = [&](std::size_t i) {
    return (static_cast<unsigned char>(text[i]) & 0xC0U) == 0x80U;
  };
  auto begin = kHalf;
  while (begin > 0 && continues(begin)) --begin;
  auto end = text.size() - kHalf;
  while (end < text.size() && continues(end)) ++end;
  return fmt::format("{}{}{}", text.substr(0, begin), kMark, text.substr(end));
}

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

Response failure_response(const std::exception_ptr& failure, const Request& request) {
  auto response =
      error_response(translate(failure, request), request.header("Accept").value_or(""));
  response.headers.emplace_back("Cache-Control", kOfOneCaller);
  return response;
}

void log_broken_answer(const std::exception_ptr& failure, const Request& request) {
  spdlog::error("{} {} {}: the answer broke off: {}", request.request_id, request.method,
                request.target, shortened(words_of(failure)));
}

}  // namespace glance::api
