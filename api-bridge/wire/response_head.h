// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <ctime>
#include <string>

#include "api-bridge/wire/http.h"

namespace glance::api {

/// What the connection adds to a handler's response.
struct Framing {
  bool is_http_1_1 = true;
  bool keep_alive = true;
  std::time_t now = 0;
};

/// How many bytes the body has.
[[nodiscard]] std::uint64_t body_size(const Response& response) noexcept;

/// Whether a response of that status never has a body (RFC 9110 § 6.4.1).
[[nodiscard]] bool is_bodyless(int status) noexcept;

/// The status line and headers as they go on the wire, the empty line included. Control
/// characters in values become spaces, so that no value can end its line.
[[nodiscard]] std::string response_head(const Response& response, const Framing& framing);

}  // namespace glance::api
