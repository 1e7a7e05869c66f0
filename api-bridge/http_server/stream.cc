// SPDX-License-Identifier: Apache-2.0
#include "api-bridge/http_server/stream.h"

#include <tuple>

#include <unistd.h>

namespace glance::api {

Stream::Stream(tcp::socket socket, std::shared_ptr<asio::ssl::context> tls)
    : socket_(std::move(socket)), context_(std::move(tls)) {}

awaitable<error_code> Stream::wait_readable() {
  const auto [error] = co_await socket_.async_wait(tcp::socket::wait_read, kAsTuple);
  co_return error;
}

awaitable<error_code> Stream::handshake() {
  tls_.emplace(socket_, *context_);
  const auto [error] = co_await tls_->async_handshake(asio::ssl::stream_base::server, kAsTuple);
  co_return error;
}

awaitable<Stream::Result> Stream::read_some(asio::mutable_buffer into) {
  if (tls_) {
    const auto [error, size] = co_await tls_->async_read_some(into, kAsTuple);
    // Cut off without a word, as many clients do: what HTTP's framing says decides.
    const bool truncated = error == asio::ssl::error::stream_truncated;
    co_return Result{truncated ? error_code(asio::error::eof) : error, size};
  }
  const auto [error, size] = co_await socket_.async_read_some(into, kAsTuple);
  co_return Result{error, size};
}

awaitable<Stream::Result> Stream::write_some(asio::const_buffer bytes) {
  if (tls_) {
    const auto [error, size] = co_await tls_->async_write_some(bytes, kAsTuple);
    co_return Result{error, size};
  }
  const auto [error, size] = co_await socket_.async_write_some(bytes, kAsTuple);
  co_return Result{error, size};
}

awaitable<void> Stream::finish_writing() {
  if (tls_) std::ignore = co_await tls_->async_shutdown(kAsTuple);
  error_code ignored;
  std::ignore = socket_.shutdown(tcp::socket::shutdown_send, ignored);
}

void Stream::cancel() noexcept {
  error_code ignored;
  std::ignore = socket_.cancel(ignored);
}

void Stream::close() noexcept {
  is_closed_ = true;
  error_code ignored;
  std::ignore = socket_.close(ignored);
}

// ── away from the event loop ──────────────────────────────────────────────────────────────────

namespace {

tcp protocol_of(const tcp::socket& socket) {
  error_code ignored;
  return socket.local_endpoint(ignored).protocol();
}

int release(tcp::socket& socket) {
  error_code error;
  const int fd = socket.release(error);
  return error ? -1 : fd;
}

}  // namespace

Stream::Detached::Detached(Stream& stream)
    : stream_(stream), protocol_(protocol_of(stream.socket_)), fd_(release(stream.socket_)) {}

Stream::Detached::~Detached() {
  if (fd_ < 0) return;
  error_code error = asio::error::bad_descriptor;
  if (!stream_.is_closed_) std::ignore = stream_.socket_.assign(protocol_, fd_, error);
  if (error) ::close(fd_);  // the stream is closed now, and its next user sees that
}

}  // namespace glance::api
