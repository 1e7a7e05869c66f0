// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

#include "api-bridge/wire/http.h"

namespace glance::api {

/// One request and what became of it. Valid during the call only.
struct RequestRecord {
  const Request& request;
  bool is_http_1_1 = true;
  std::string_view route;      ///< the pattern that matched, empty for none
  int status = 0;              ///< 0: the connection was lost before the answer was through
  std::string_view fault;      ///< what kind of failure it was, empty for none
  std::uint64_t received = 0;  ///< bytes of the request's body
  std::uint64_t sent = 0;      ///< bytes of the response's body
  std::chrono::nanoseconds time{0};
};

/// Is told what the server does, for logs and metrics. Called by many threads; must not block for
/// long and must not throw.
class ServerObserver {
 public:
  virtual ~ServerObserver() = default;

  virtual void connection_opened() {}
  virtual void connection_closed() {}
  virtual void connection_refused() {}  ///< there were too many
  /// The next connection cannot be taken now; it will be tried again soon.
  virtual void accepting_failed(std::string_view why) { static_cast<void>(why); }
  virtual void upload_started() {}
  virtual void upload_ended() {}
  virtual void bytes_moved(std::uint64_t received, std::uint64_t sent) {
    static_cast<void>(received);
    static_cast<void>(sent);
  }
  /// Once for each request, whatever became of it.
  virtual void request_ended(const RequestRecord& record) { static_cast<void>(record); }
};

}  // namespace glance::api
