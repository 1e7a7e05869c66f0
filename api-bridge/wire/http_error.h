// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <exception>
#include <stdexcept>
#include <string>
#include <string_view>

#include "api-bridge/wire/http.h"
#include "catalog/base/error.h"

namespace glance::api {

/// An answer other than success, thrown by handlers and made a Glance-shaped body by the server.
class HttpError : public std::runtime_error {
 public:
  /// `explanation` and `detail` are the two sentences of Glance's error documents; the second
  /// may be empty.
  HttpError(int status, const std::string& explanation, std::string detail = {},
            Headers headers = {})
      : std::runtime_error(explanation),
        status_(status),
        detail_(std::move(detail)),
        headers_(std::move(headers)) {}

  [[nodiscard]] int status() const noexcept { return status_; }
  [[nodiscard]] const std::string& detail() const noexcept { return detail_; }
  [[nodiscard]] const Headers& headers() const noexcept { return headers_; }

 private:
  int status_;
  std::string detail_;
  Headers headers_;
};

/// The status that stands for the catalog's error.
[[nodiscard]] int status_of(Errc code) noexcept;

/// The answer to a request whose handler threw: an HttpError as it is, an Error by its code, in its
/// own words or, if they are foreign, in none of them; anything else as 500. What clients are not
/// told is logged with the request's id.
[[nodiscard]] Response failure_response(const std::exception_ptr& failure, const Request& request);

/// Logs a failure that came too late for an answer of its own: one had begun.
void log_broken_answer(const std::exception_ptr& failure, const Request& request);

}  // namespace glance::api
