// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "api-bridge/wire/http.h"

namespace glance::api {

/// What one client may take of the server.
struct ServerLimits {
  std::size_t head_bytes = std::size_t{16} * 1024;
  std::size_t head_fields = 100;
  std::size_t target_bytes = std::size_t{8} * 1024;
  std::size_t buffered_body_bytes = std::size_t{1024} * 1024;
  std::size_t json_depth = kJsonDepth;
  std::size_t connections = 10'000;
  std::chrono::milliseconds head_time{10'000};  ///< from a connection's or head's begin to its end
  std::chrono::milliseconds idle_time{75'000};  ///< between two requests
  /// A body, either way, moves `body_rate` bytes a second in the mean of every stretch of this
  /// length, and one byte at least.
  std::chrono::milliseconds body_window{60'000};
  std::uint64_t body_rate = 1024;
  std::chrono::milliseconds linger_time{10'000};  ///< reading on after an early refusal
  std::chrono::milliseconds stop_time{30'000};    ///< for running requests, once told to stop
};

}  // namespace glance::api
