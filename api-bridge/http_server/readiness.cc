// SPDX-License-Identifier: Apache-2.0
#include "api-bridge/http_server/readiness.h"

#include <chrono>

#include <poll.h>

namespace glance::api {
namespace {

constexpr std::chrono::milliseconds kSoon{1};

}  // namespace

bool is_ready_soon(int socket, short events) noexcept {
  pollfd waiting{.fd = socket, .events = events, .revents = 0};
  return ::poll(&waiting, 1, kSoon.count()) > 0;
}

}  // namespace glance::api
