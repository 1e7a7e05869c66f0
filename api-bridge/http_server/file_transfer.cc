// SPDX-License-Identifier: Apache-2.0
#include "api-bridge/http_server/file_transfer.h"

#include <algorithm>
#include <cerrno>
#include <memory>

#include <poll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api-bridge/http_server/readiness.h"

namespace glance::api {
namespace {

using Clock = std::chrono::steady_clock;

// One sendfile(2) keeps the socket locked, also for the receiver's acknowledgements: with calls of
// 4 MiB, downloads take a quarter longer.
constexpr std::size_t kSendfileSize = std::size_t{512} * 1024;
constexpr std::size_t kScratchSize = std::size_t{256} * 1024;

/// Memory for a thread's reading. Each has its own for good: fresh memory costs a page fault each
/// 4 KiB, and one for each transfer would be as many as there are clients.
std::span<std::byte> scratch() {
  thread_local const auto memory = std::make_unique_for_overwrite<std::byte[]>(kScratchSize);
  return {memory.get(), kScratchSize};
}

}  // namespace

int FileTransfer::go_on(const Stream::Detached& socket, const WorkerPool& pool) {
  if (socket.fd() < 0) return EBADF;
  std::span<const std::byte> held;  // read, but not yet sent
  for (std::size_t sent_here = 0; left_ > 0 && sent_here < WorkerPool::kStaySize;) {
    const auto sent = send_some(socket.fd(), held);
    if (sent == 0) return ENODATA;
    if (sent > 0) {
      left_ -= static_cast<std::uint64_t>(sent);
      sent_here += static_cast<std::size_t>(sent);
      continue;
    }
    const int error = errno;
    if (error == EINTR) continue;
    if (error != EAGAIN || pool.is_short() || !is_writable_soon(socket.fd())) return error;
  }
  return 0;
}

/// As sendfile(2): the number of bytes, 0 where the file ends, or -1 and errno.
ssize_t FileTransfer::send_some(int socket, std::span<const std::byte>& held) {
  if (route_ == FileRoute::sendfile) {
    return ::sendfile(socket, file_, &offset_, std::min(left_, std::uint64_t{kSendfileSize}));
  }
  if (held.empty()) {
    const auto wanted = std::min(left_, std::uint64_t{kScratchSize});
    const auto got = ::pread(file_, scratch().data(), wanted, offset_);
    if (got <= 0) return got;
    held = scratch().first(static_cast<std::size_t>(got));
  }
  const auto sent = ::send(socket, held.data(), held.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent > 0) {
    offset_ += sent;
    held = held.subspan(static_cast<std::size_t>(sent));
  }
  return sent;
}

bool FileTransfer::is_writable_soon(int socket) {
  const auto start = Clock::now();
  const bool ready = is_ready_soon(socket, POLLOUT);
  waited_ += Clock::now() - start;
  return ready;
}

}  // namespace glance::api
