// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "api-bridge/wire/http.h"

namespace glance::api {

/// Longer than any connection lasts, and short enough to be multiplied and added to a clock.
inline constexpr std::chrono::hours kForever{24 * 365 * 20};

/// A paused upload keeps its image from being used; a paused download is in nobody's way.
inline constexpr int kAnswerPatience = 4;

/// What one client may take of the server.
struct ServerLimits {
  std::size_t head_bytes = std::size_t{16} * 1024;
  std::size_t head_fields = 100;
  std::size_t target_bytes = std::size_t{8} * 1024;
  std::size_t buffered_body_bytes = std::size_t{1024} * 1024;
  std::size_t json_depth = kJsonDepth;
  std::size_t connections = 10'000;
  std::size_t handshakes = 500;                 ///< of TLS, that have begun and not ended
  std::chrono::milliseconds head_time{10'000};  ///< from a connection's or head's begin to its end
  std::chrono::milliseconds idle_time{75'000};  ///< between two requests
  /// A body that comes moves `body_rate` bytes a second in the mean of every stretch of this
  /// length, and one byte at least; an answer in one that is kAnswerPatience times as long. The
  /// default is that of Glance's client_socket_timeout.
  std::chrono::milliseconds body_window{900'000};
  std::uint64_t body_rate = 1024;
  /// The longest stretch for a body that is kept in memory.
  std::chrono::milliseconds buffered_body_window{60'000};
  std::chrono::seconds probe_time{
      600};  ///< of silence, until the peer's host is asked: is it there?
  /// After an early refusal what comes is read on, up to the length that was announced or to
  /// `chunked_body_bytes`, while `body_rate` holds in every stretch of this length.
  std::chrono::milliseconds linger_time{10'000};
  std::uint64_t chunked_body_bytes = std::uint64_t{1} << 40;
  std::chrono::milliseconds stop_time{30'000};  ///< for running requests, once told to stop
};

}  // namespace glance::api
