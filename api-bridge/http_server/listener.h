// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "api-bridge/http_server/asio.h"
#include "api-bridge/http_server/server.h"

namespace glance::api {

/// The sockets that a server accepts connections from: one that it opens, or those that it was
/// given by whoever started it (socket activation).
class Listener {
 public:
  /// Listens when it returns. Throws std::runtime_error that names the address.
  Listener(const asio::any_io_executor& executor, const ServerOptions& options);

  [[nodiscard]] std::vector<tcp::acceptor>& acceptors() noexcept { return acceptors_; }

  /// The sockets stay open in the process that gave them: connections made while nobody accepts
  /// wait for our successor.
  [[nodiscard]] bool is_inherited() const noexcept { return inherited_; }

  /// The first one's address, with the real port, as in a URL: `127.0.0.1:9292`, `[::1]:9292`.
  [[nodiscard]] const std::string& address() const noexcept { return address_; }

  void close() noexcept;

 private:
  void open(const asio::any_io_executor& executor, const ServerOptions& options);
  void adopt(const asio::any_io_executor& executor, int socket, bool loopback_only);

  std::vector<tcp::acceptor> acceptors_;
  bool inherited_ = false;
  std::string address_;
};

/// `127.0.0.1:9292`, `[::1]:9292`.
[[nodiscard]] std::string address_text(const tcp::endpoint& endpoint);

}  // namespace glance::api
