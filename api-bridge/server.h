// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "api-bridge/http.h"
#include "api-bridge/router.h"
#include "catalog/caller.h"

namespace glance::api {

/// What one client may take of the server.
struct ServerLimits {
  std::size_t head_bytes = std::size_t{16} * 1024;
  std::size_t buffered_body_bytes = std::size_t{1024} * 1024;
  std::size_t connections = 4096;
  std::chrono::milliseconds head_time{10'000};      ///< from the first byte of a head to its last
  std::chrono::milliseconds idle_time{75'000};      ///< between two requests
  std::chrono::milliseconds progress_time{60'000};  ///< without one byte of a body moving
  std::chrono::milliseconds drain_time{10'000};     ///< reading on after an early refusal
  std::chrono::milliseconds stop_time{30'000};      ///< for running requests, once told to stop
};

struct ServerOptions {
  std::string host = "127.0.0.1";  ///< a name or an address, IPv6 without brackets
  std::uint16_t port = 9292;       ///< 0: any free one
  unsigned workers = 0;            ///< threads for the network; 0: as many as there are cores
  ServerLimits limits;
};

/// Who sends a request. Called before every handler, where blocking is allowed; refuses by
/// throwing HttpError.
using Identify = std::function<Caller(const Request&)>;

/// An HTTP/1.1 server for a router's handlers.
///
/// One coroutine per connection on the network threads; handlers and sinks run on threads of
/// their own, so that a slow disk never keeps the network waiting. Bodies stream both ways with
/// constant memory. The router must outlive the server, and so must all that its handlers use.
/// The process must ignore SIGPIPE: sendfile(2) raises it.
class Server {
 public:
  /// Listens when it returns. Throws std::runtime_error that names the address if it cannot.
  Server(const Router& router, Identify identify, const ServerOptions& options);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Where it listens, with the real port, as in a URL: `127.0.0.1:9292`, `[::1]:9292`.
  [[nodiscard]] const std::string& address() const noexcept;

  /// Whether only this machine can reach it.
  [[nodiscard]] bool is_loopback() const noexcept;

  /// Serves until stop(), SIGTERM or SIGINT; then lets running requests finish, for
  /// ServerLimits::stop_time at most. A second signal ends it at once. Call it once.
  void run();

  /// Makes run() end as a signal would. Safe to call from any thread.
  void stop();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace glance::api
