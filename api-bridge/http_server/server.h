// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api-bridge/http_server/file_transfer.h"
#include "api-bridge/http_server/limits.h"
#include "api-bridge/wire/http.h"
#include "api-bridge/wire/router.h"
#include "api-bridge/wire/site_guard.h"
#include "catalog/model/caller.h"

namespace glance::api {

class ServerObserver;

/// PEM files.
struct TlsFiles {
  std::filesystem::path certificate;  ///< and the chain behind it
  std::filesystem::path key;
};

struct ServerOptions {
  std::string host = "127.0.0.1";  ///< a name or an address, IPv6 without brackets
  std::uint16_t port = 9292;       ///< 0: any free one
  std::vector<int> listening;      ///< sockets that listen already, instead; the server's to close
  bool loopback_only = true;       ///< refuse addresses that other machines can reach
  unsigned workers = 0;            ///< threads for the network; 0: as many as there are cores
  std::optional<TlsFiles> tls;     ///< without it plain HTTP
  /// Of image data to clients on this machine; to others always sendfile(2).
  FileRoute loopback_route = FileRoute::memory;
  ServerLimits limits;
  std::optional<SiteGuard> site_guard;  ///< of a server that asks nobody who he is
  /// Called when the server begins to stop.
  std::function<void()> on_stopping;
  /// Called on SIGHUP, after the TLS files have been read anew.
  std::function<void()> on_hangup;
};

/// Who sends a request. Called before every handler, where blocking is allowed; refuses by
/// throwing HttpError.
using Identify = std::function<Caller(const Request&)>;

/// An HTTP/1.1 server for a router's handlers.
///
/// One coroutine per connection on the network threads; handlers and sinks run on threads of
/// their own, so that a slow disk never keeps the network waiting, and writers that wait for the
/// database's lock never keep readers waiting. Bodies stream both ways with constant memory. The
/// router and the observer must outlive the server, and so must all that the handlers use. The
/// process must ignore SIGPIPE: sendfile(2) raises it.
class Server {
 public:
  /// Listens when it returns. Throws std::runtime_error that names the address, or the TLS file,
  /// if it cannot.
  Server(const Router& router, Identify identify, ServerObserver& observer, ServerOptions options);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Where it listens, with the real port, as in a URL: `http://127.0.0.1:9292`.
  [[nodiscard]] const std::string& url() const noexcept;

  /// Serves until stop(), SIGTERM or SIGINT; then lets running requests finish, for
  /// ServerLimits::stop_time at most, and answers new ones with 503. A second signal ends it at
  /// once. Call it once.
  void run();

  /// Makes run() end as a signal would. Safe to call from any thread.
  void stop();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace glance::api
