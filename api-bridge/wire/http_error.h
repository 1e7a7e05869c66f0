// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <exception>
#include <stdexcept>
#include <string>
#include <string_view>

#include "api-bridge/wire/http.h"
#include "catalog/base/error.h"

namespace glance::api {

/// The most of one sentence in an error's answer, in bytes. What clients have sent is repeated
/// there.
inline constexpr std::size_t kMaxExplanation = 2048;

/// The text with its middle left out where it is longer than kMaxExplanation: what is wrong stands
/// at the begin, and what is allowed at the end. Cut between the characters of UTF-8.
[[nodiscard]] std::string shortened(std::string_view text);

/// An answer other than success, thrown by handlers and made a Glance-shaped body by the server.
class HttpError : public std::runtime_error {
 public:
  /// `explanation` and `detail` are the two sentences of Glance's error documents; the second
  /// may be empty. Both are kept shortened().
  HttpError(int status, std::string_view explanation, std::string_view detail = {},
            Headers headers = {})
      : std::runtime_error(shortened(explanation)),
        status_(status),
        detail_(shortened(detail)),
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
