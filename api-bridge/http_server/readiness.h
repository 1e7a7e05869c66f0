// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace glance::api {

/// Whether a socket that has just been found not ready for poll(2)'s `events` is so after a moment
/// of blocking, 1 ms at most. A peer that is as fast as we are is ready before another thread could
/// be told to go on.
[[nodiscard]] bool is_ready_soon(int socket, short events) noexcept;

}  // namespace glance::api
