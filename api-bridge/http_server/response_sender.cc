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

#include "api-bridge/http_server/file_transfer.h"
#include "catalog/base/error.h"

namespace glance::api {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kCopySize = std::size_t{256} * 1024;  // one read of a file
constexpr auto kEndedEarly = "the image's data end too early";
// A larger body is not copied to go into one packet with its head.
constexpr std::size_t kJoinedSize = std::size_t{32} * 1024;

/// Whether an errno of a FileTransfer is the connection's; else it is the file's.
bool is_of_connection(int error) {
  // EBADF: the stream has been closed meanwhile. The file is open as long as its reader.
  constexpr std::array kOfConnection = {EPIPE,     ECONNRESET, ECONNABORTED, ENOTCONN,
                                        EBADF,     ETIMEDOUT,  ENETDOWN,     ENETUNREACH,
                                        ENETRESET, EHOSTDOWN,  EHOSTUNREACH};
  return std::ranges::find(kOfConnection, error) != kOfConnection.end();
}

BodyPace fresh_pace(const ServerLimits& limits) {
  return {kAnswerPatience * limits.body_window, limits.body_rate};
}

}  // namespace

ResponseSender::ResponseSender(Stream& stream, Deadline& deadline, const ServerLimits& limits,
                               FileRoute route, WorkerPool& pool, ServerObserver& observer)
    : stream_(stream),
      deadline_(deadline),
      limits_(limits),
      route_(route),
      pool_(pool),
      observer_(observer),
      pace_(fresh_pace(limits)) {}

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
  pace_ = fresh_pace(limits_);
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
  error_code failure;
  if (stream_.socket().native_non_blocking(true, failure)) throw ConnectionLost(failure.message());
  FileTransfer transfer(slice.reader->fd(), slice.offset, slice.length, route_);
  auto waited = Clock::duration::zero();  // in vain, for the network
  while (transfer.left() > 0) {
    const auto before = transfer.left();
    const int error = co_await stay_on_pool(transfer);
    const auto sent = before - transfer.left();
    count(sent);
    pace_.moved(sent, waited + transfer.take_waited());
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

awaitable<int> ResponseSender::stay_on_pool(FileTransfer& transfer) {
  const Stream::Detached socket(stream_);
  co_return co_await run_on(pool_, [&] { return transfer.go_on(socket, pool_); });
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
