// SPDX-License-Identifier: Apache-2.0
#include "api-bridge/http_server/response_sender.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <span>
#include <string>
#include <utility>

#include <poll.h>
#include <sys/sendfile.h>

#include "catalog/error.h"

namespace glance::api {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kCopySize = std::size_t{256} * 1024;  // one read of a file
constexpr auto kEndedEarly = "the image's data end too early";
constexpr std::size_t kStaySize = std::size_t{4} * 1024 * 1024;  // one stay on the pool
// One sendfile(2) keeps the socket locked, also for the receiver's acknowledgements: with calls of
// 4 MiB, downloads take a quarter longer.
constexpr std::size_t kSendfileSize = std::size_t{512} * 1024;
constexpr std::chrono::milliseconds kSoon{1};
// A larger body is not copied to go into one packet with its head.
constexpr std::size_t kJoinedSize = std::size_t{32} * 1024;

/// Whether an errno of sendfile(2) is the connection's; else it is the file's.
bool is_of_connection(int error) {
  // EBADF: we have closed the connection ourselves meanwhile. The file is open as long as its
  // reader.
  constexpr std::array kOfConnection = {EPIPE,     ECONNRESET, ECONNABORTED, ENOTCONN,
                                        EBADF,     ETIMEDOUT,  ENETDOWN,     ENETUNREACH,
                                        ENETRESET, EHOSTDOWN,  EHOSTUNREACH};
  return std::ranges::find(kOfConnection, error) != kOfConnection.end();
}

/// A stretch of a file on its way to a socket.
struct Transfer {
  int socket;
  int file;
  off_t offset;
  std::uint64_t left;
  Clock::duration waited{};  ///< for the socket

  /// sendfile(2) until the socket takes no more, but not for ever: others need the thread too.
  /// Returns 0, EAGAIN when the socket is full, or another errno.
  int go_on(const WorkerPool& pool) {
    for (std::size_t sent_here = 0; left > 0 && sent_here < kStaySize;) {
      const auto sent =
          ::sendfile(socket, file, &offset, std::min(left, std::uint64_t{kSendfileSize}));
      if (sent == 0) return ENODATA;  // the file is shorter than its reader said
      if (sent > 0) {
        left -= static_cast<std::uint64_t>(sent);
        sent_here += static_cast<std::size_t>(sent);
        continue;
      }
      const int error = errno;
      if (error == EINTR) continue;
      if (error != EAGAIN || pool.is_short() || !is_ready_soon()) return error;
    }
    return 0;
  }

 private:
  /// Whether the socket takes more after a moment. Who reads as fast as we send is ready before
  /// another thread could be told to go on.
  bool is_ready_soon() {
    const auto start = Clock::now();
    pollfd waiting{.fd = socket, .events = POLLOUT, .revents = 0};
    const bool ready = ::poll(&waiting, 1, kSoon.count()) > 0;
    waited += Clock::now() - start;
    return ready;
  }
};

}  // namespace

ResponseSender::ResponseSender(Stream& stream, Deadline& deadline, const ServerLimits& limits,
                               WorkerPool& pool, ServerObserver& observer)
    : stream_(stream),
      deadline_(deadline),
      limits_(limits),
      pool_(pool),
      observer_(observer),
      pace_(limits.body_window, limits.body_rate) {}

awaitable<void> ResponseSender::send(const Response& response, const Framing& framing,
                                     bool head_only) {
  const bool has_body = !head_only && !is_bodyless(response.status);
  const auto* slice = std::get_if<FileSlice>(&response.body);
  auto head = response_head(response, framing);
  if (has_body && slice == nullptr) {
    co_return co_await send_text(std::move(head), std::get<std::string>(response.body));
  }
  co_await write(head);
  if (!has_body) co_return;
  if (slice->reader->fd() >= 0 && !stream_.is_encrypted()) {
    co_await send_slice(*slice);
  } else {
    co_await send_copied(*slice);
  }
}

awaitable<void> ResponseSender::send_text(std::string head, const std::string& body) {
  const bool is_joined = body.size() <= kJoinedSize;
  if (is_joined) head += body;
  co_await write(head);
  if (!is_joined) co_await write(body);
  count(body.size());
}

void ResponseSender::count(std::uint64_t bytes) {
  body_sent_ += bytes;
  observer_.bytes_moved(0, bytes);
}

awaitable<void> ResponseSender::write(std::string_view bytes) {
  pace_ = BodyPace(limits_.body_window, limits_.body_rate);
  while (!bytes.empty()) co_await write_some(bytes);
}

awaitable<void> ResponseSender::write_some(std::string_view& bytes) {
  const auto start = Clock::now();
  deadline_.arm(pace_.patience());
  const auto [error, size] = co_await stream_.write_some(asio::buffer(bytes));
  deadline_.disarm();
  if (error) throw ConnectionLost(error.message());
  pace_.moved(size, Clock::now() - start);
  bytes.remove_prefix(size);
}

awaitable<void> ResponseSender::wait_writable() {
  deadline_.arm(pace_.patience());
  const auto [error] = co_await stream_.socket().async_wait(tcp::socket::wait_write, kAsTuple);
  deadline_.disarm();
  if (error) throw ConnectionLost(error.message());
}

awaitable<void> ResponseSender::send_slice(const FileSlice& slice) {
  stream_.socket().native_non_blocking(true);
  Transfer transfer{.socket = stream_.socket().native_handle(),
                    .file = slice.reader->fd(),
                    .offset = static_cast<off_t>(slice.offset),
                    .left = slice.length};
  while (transfer.left > 0) {
    const auto before = transfer.left;
    // On the pool, because reading a file that is not in memory blocks.
    const int error = co_await run_on(pool_, [&] { return transfer.go_on(pool_); });
    const auto sent = before - transfer.left;
    count(sent);
    pace_.moved(sent, std::exchange(transfer.waited, Clock::duration::zero()));
    if (error == 0) continue;
    if (error == ENODATA) throw Error(Errc::corrupt, kEndedEarly);
    if (is_of_connection(error)) throw ConnectionLost(std::strerror(error));
    if (error != EAGAIN) throw_errno(error, "reading image data");
    const auto start = Clock::now();
    co_await wait_writable();
    transfer.waited = Clock::now() - start;
  }
}

awaitable<void> ResponseSender::send_copied(const FileSlice& slice) {
  std::string piece;
  for (std::uint64_t done = 0; done < slice.length; done += piece.size()) {
    piece.resize(std::min<std::uint64_t>(kCopySize, slice.length - done));
    const auto size = co_await run_on(pool_, [&] {
      return slice.reader->read(slice.offset + done, std::as_writable_bytes(std::span(piece)));
    });
    if (size == 0) throw Error(Errc::corrupt, kEndedEarly);
    piece.resize(size);
    std::string_view rest = piece;
    while (!rest.empty()) co_await write_some(rest);
    count(size);
  }
}

}  // namespace glance::api
