// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>

#include "api-bridge/http_server/asio.h"

namespace glance::api {

/// A client's socket, with TLS on it or without. One coroutine at a time; close() and cancel() from
/// the socket's strand.
class Stream {
 public:
  using Result = std::pair<error_code, std::size_t>;

  /// `tls` may be null.
  Stream(tcp::socket socket, std::shared_ptr<asio::ssl::context> tls);

  [[nodiscard]] bool is_encrypted() const noexcept { return context_ != nullptr; }
  [[nodiscard]] tcp::socket& socket() noexcept { return socket_; }

  /// Until the peer has sent something, or has gone. Takes no memory for what it may be.
  awaitable<error_code> wait_readable();

  /// Before anything else where there is TLS. From now on the stream has TLS's buffers.
  awaitable<error_code> handshake();

  awaitable<Result> read_some(asio::mutable_buffer into);
  awaitable<Result> write_some(asio::const_buffer bytes);

  /// Says that no more comes from us. The peer may go on sending.
  awaitable<void> finish_writing();

  /// Makes the pending operation end with an error.
  void cancel() noexcept;
  void close() noexcept;

  /// Hides the socket from the event loop, for a scope in which another thread uses it alone. All
  /// that comes or goes there would wake the loop's threads else, only to find that nobody waits.
  ///
  /// The only way to the socket's number, and no longer than the scope: where the loop does not
  /// take the socket back, or somebody has closed the stream meanwhile, the number is closed at the
  /// scope's end, and may be another client's in the next moment.
  class Detached {
   public:
    explicit Detached(Stream& stream);
    ~Detached();
    Detached(const Detached&) = delete;
    Detached& operator=(const Detached&) = delete;

    /// Belongs to the stream. Negative: the stream is closed.
    [[nodiscard]] int fd() const noexcept { return fd_; }

   private:
    Stream& stream_;
    const tcp protocol_;
    const int fd_;
  };

 private:
  tcp::socket socket_;
  bool is_closed_ = false;  // for good, also where the socket is hidden at the moment
  std::shared_ptr<asio::ssl::context> context_;
  std::optional<asio::ssl::stream<tcp::socket&>> tls_;  // once the handshake has begun
};

}  // namespace glance::api
