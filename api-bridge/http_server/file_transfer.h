// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include <sys/types.h>

#include "api-bridge/http_server/stream.h"
#include "api-bridge/http_server/worker_pool.h"

namespace glance::api {

/// How a file's bytes get into a socket.
enum class FileRoute {
  sendfile,  ///< sendfile(2): they are never copied
  /// Through memory, which is faster where the receiver is on this machine: it copies them anyway,
  /// and from sendfile's single pages that takes it longer than both copies together.
  memory,
};

/// A stretch of a file on its way to a socket that does not block. Used by one thread at a time.
///
/// It keeps no socket: between two calls of go_on() the connection may be closed, and its number be
/// another client's.
class FileTransfer {
 public:
  /// The file is the caller's, and stays open as long as this.
  FileTransfer(int file, std::uint64_t offset, std::uint64_t length, FileRoute route)
      : file_(file), offset_(static_cast<off_t>(offset)), left_(length), route_(route) {}

  [[nodiscard]] std::uint64_t left() const noexcept { return left_; }

  /// Sends until the socket takes no more, but not for ever: others need the thread, which is one
  /// of the pool's, too. Reading a file that is not in memory blocks. Returns 0, EAGAIN when the
  /// socket is full, ENODATA when the file ends too early, EBADF when the stream is closed, or
  /// another errno.
  int go_on(const Stream::Detached& socket, const WorkerPool& pool);

  /// How long go_on() has waited for the socket since this was last asked.
  [[nodiscard]] std::chrono::steady_clock::duration take_waited() noexcept {
    return std::exchange(waited_, {});
  }

 private:
  ssize_t send_some(int socket, std::span<const std::byte>& held);
  bool is_writable_soon(int socket);

  int file_;
  off_t offset_;
  std::uint64_t left_;
  FileRoute route_;
  std::chrono::steady_clock::duration waited_{};
};

}  // namespace glance::api
