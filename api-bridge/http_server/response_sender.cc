// SPDX-License-Identifier: Apache-2.0
#include "api-bridge/http_server/response_sender.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <span>
#include <string>

#include <sys/sendfile.h>

#include "catalog/error.h"

namespace glance::api {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kCopySize = std::size_t{256} * 1024;  // one read of a file
constexpr auto kEndedEarly = "the image's data end too early";
constexpr std::size_t kSendfileSize = std::size_t{4} * 1024 * 1024;  // one stay on the pool

/// Whether an errno of sendfile(2) is the connection's; else it is the file's.
bool is_of_connection(int error) {
  // EBADF: we have closed the connection ourselves meanwhile. The file is open as long as its
  // reader.
  constexpr std::array kOfConnection = {EPIPE,     ECONNRESET, ECONNABORTED, ENOTCONN,
                                        EBADF,     ETIMEDOUT,  ENETDOWN,     ENETUNREACH,
                                        ENETRESET, EHOSTDOWN,  EHOSTUNREACH};
  return std::ranges::find(kOfConnection, error) != kOfConnection.end();
}

/// sendfile(2) until the socket takes no more, but not for ever: others need the thread too.
/// Returns 0, EAGAIN when the socket is full, or another errno.
int sendfile_some(int socket, int file, off_t& offset, std::uint64_t& left) {
  for (std::size_t sent_here = 0; left > 0 && sent_here < kSendfileSize;) {
    const auto sent =
        ::sendfile(socket, file, &offset, std::min(left, std::uint64_t{kSendfileSize}));
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return errno;
    if (sent == 0) return ENODATA;  // the file is shorter than its reader said
    left -= static_cast<std::uint64_t>(sent);
    sent_here += static_cast<std::size_t>(sent);
  }
  return 0;
}

}  // namespace

ResponseSender::ResponseSender(Stream& stream, Deadline& deadline, const ServerLimits& limits,
                               asio::thread_pool& pool, ServerObserver& observer)
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
  auto bytes = response_head(response, framing);
  if (has_body && slice == nullptr) bytes += std::get<std::string>(response.body);
  co_await write(bytes);
  if (!has_body) co_return;
  if (slice == nullptr) {
    count(std::get<std::string>(response.body).size());
  } else if (slice->reader->fd() >= 0 && !stream_.is_encrypted()) {
    co_await send_slice(*slice);
  } else {
    co_await send_copied(*slice);
  }
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
  auto offset = static_cast<off_t>(slice.offset);
  auto left = slice.length;
  auto waited = Clock::duration::zero();
  while (left > 0) {
    const auto before = left;
    // On the pool, because reading a file that is not in memory blocks.
    const int error = co_await run_on(pool_, [&] {
      return sendfile_some(stream_.socket().native_handle(), slice.reader->fd(), offset, left);
    });
    count(before - left);
    pace_.moved(before - left, waited);
    waited = Clock::duration::zero();
    if (error == 0) continue;
    if (error == ENODATA) throw Error(Errc::corrupt, kEndedEarly);
    if (is_of_connection(error)) throw ConnectionLost(std::strerror(error));
    if (error != EAGAIN) throw_errno(error, "reading image data");
    const auto start = Clock::now();
    co_await wait_writable();
    waited = Clock::now() - start;
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
