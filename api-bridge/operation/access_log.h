// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>

#include "api-bridge/http_server/observer.h"

namespace glance::api {

/// A request as a line of the combined log format, with the request id and the seconds it took
/// added:
///
///     192.0.2.1 - admin [24/Nov/2026:11:12:13 +0000] "GET /v2/images HTTP/1.1" 200 512 "-"
///     "curl/8" req-… 0.004
///
/// The status is 499 when the client went away before its answer, as with nginx. Texts are
/// one_line(), and their quotes escaped (`\x22`), so that no client can forge a line or reach the
/// terminal; no header but Referer and User-Agent is shown, and of
/// the target no password.
[[nodiscard]] std::string access_line(const RequestRecord& record,
                                      std::chrono::system_clock::time_point when);

}  // namespace glance::api
