// SPDX-License-Identifier: Apache-2.0
#include "api-bridge/http_server/request_reader.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include <poll.h>
#include <sys/socket.h>

#include "api-bridge/http_server/readiness.h"
#include "api-bridge/wire/http_error.h"

namespace glance::api {
namespace {

using Clock = std::chrono::steady_clock;

// Small, because ten thousand silent connections keep one each.
constexpr std::size_t kReadSize = std::size_t{4} * 1024;
// Heads that a client sends ahead of the answers, and the framing of chunks.
constexpr std::size_t kMaxAhead = std::size_t{16} * 1024;
constexpr std::size_t kDiscardPiece = std::size_t{64} * 1024;
// The sizes of chunks and TLS's records, in parts of a body; with smaller ones there may be more.
constexpr std::uint64_t kFramingShare = 8;
constexpr std::string_view kHeadEnd = "\r\n\r\n";

}  // namespace

RequestReader::RequestReader(Stream& stream, Deadline& deadline, const ServerLimits& limits)
    : stream_(stream),
      deadline_(deadline),
      limits_(limits),
      buffer_(limits.head_bytes + kReadSize + kMaxAhead),
      pace_(limits.body_window, limits.body_rate) {}

std::string_view RequestReader::text() const noexcept {
  return {static_cast<const char*>(buffer_.data().data()), buffer_.size()};
}

awaitable<Stream::Result> RequestReader::read_some(asio::mutable_buffer into,
                                                   std::chrono::nanoseconds time) {
  deadline_.arm(time);
  const auto result = co_await stream_.read_some(into);
  deadline_.disarm();
  co_return result;
}

// ── heads ─────────────────────────────────────────────────────────────────────────────────────

/// The head that the buffer holds, if it is there or too long.
std::optional<RequestReader::Head> RequestReader::find_head() {
  // RFC 9112 § 2.2: left behind by a careless client.
  while (text().starts_with("\r\n")) buffer_.consume(2);
  const auto end = text().find(kHeadEnd, searched_);
  if (end != std::string_view::npos) {
    return Head{Outcome::complete, text().substr(0, end + kHeadEnd.size())};
  }
  if (text().size() > limits_.head_bytes) return Head{Outcome::too_long, text()};
  searched_ = text().size() < kHeadEnd.size() ? 0 : text().size() - kHeadEnd.size() + 1;
  return std::nullopt;
}

awaitable<RequestReader::Head> RequestReader::read_head() {
  searched_ = 0;
  const auto start = Clock::now();
  // The first head has to come at once, like the rest of one that has begun.
  auto until = start + (first_ || has_more() ? limits_.head_time : limits_.idle_time);
  bool begun = first_ || has_more();
  first_ = false;
  for (;;) {
    if (const auto head = find_head()) co_return *head;
    const auto [error, size] = co_await read_some(buffer_.prepare(kReadSize), until - Clock::now());
    if (error) {
      const bool silent = !has_more();
      if (silent) co_return Head{Outcome::closed, {}};
      if (deadline_.has_passed()) co_return Head{Outcome::timed_out, text()};
      if (error == asio::error::eof) co_return Head{Outcome::cut_off, text()};
      throw ConnectionLost(error.message());
    }
    buffer_.commit(size);
    if (!begun) until = Clock::now() + limits_.head_time;
    begun = true;
  }
}

// ── bodies ────────────────────────────────────────────────────────────────────────────────────

void RequestReader::begin_body(std::size_t head_size, const Request& request) {
  buffer_.consume(head_size);
  received_ = 0;
  left_ = request.content_length.value_or(0);
  broken_ = false;
  chunks_.reset();
  if (request.is_chunked) chunks_.emplace();
  pace_ = BodyPace(limits_.body_window, limits_.body_rate);
}

awaitable<std::size_t> RequestReader::read_body(std::span<std::byte> piece) {
  const auto size = chunks_ ? co_await read_chunks(piece) : co_await read_plain(piece);
  co_return size;
}

awaitable<std::size_t> RequestReader::read_plain(std::span<std::byte> piece) {
  const auto wanted = piece.first(std::min<std::uint64_t>(piece.size(), left_));
  for (std::size_t done = 0; done < wanted.size();) {
    done += co_await read_data(wanted.subspan(done));
  }
  left_ -= wanted.size();
  co_return wanted.size();
}

awaitable<std::size_t> RequestReader::read_chunks(std::span<std::byte> piece) {
  std::size_t done = 0;
  while (done < piece.size()) {
    if (chunks_->data_left() == 0) co_await read_framing();
    if (chunks_->is_done()) break;
    const auto room = std::min<std::uint64_t>(piece.size() - done, chunks_->data_left());
    const auto size = co_await read_data(piece.subspan(done, room));
    chunks_->took_data(size);
    done += size;
  }
  co_return done;
}

/// Up to the next data, or to the body's end.
awaitable<void> RequestReader::read_framing() {
  for (;;) {
    buffer_.consume(chunks_->take_framing(text()));
    if (chunks_->is_done() || chunks_->data_left() > 0) co_return;
    buffer_.commit(co_await read_from_peer(buffer_.prepare(kReadSize)));
  }
}

/// Some bytes of data: those in the buffer first, then past it: one copy and many wakeups less.
awaitable<std::size_t> RequestReader::read_data(std::span<std::byte> into) {
  std::size_t size = std::min(into.size(), buffer_.size());
  if (size > 0) {
    std::memcpy(into.data(), buffer_.data().data(), size);
    buffer_.consume(size);
  } else {
    size = co_await read_from_peer(asio::buffer(into.data(), into.size()));
  }
  received_ += size;
  co_return size;
}

awaitable<std::size_t> RequestReader::read_from_peer(asio::mutable_buffer into) {
  const auto start = Clock::now();
  const auto [error, size] = co_await read_some(into, pace_.patience());
  if (error && deadline_.has_passed()) {
    broken_ = true;
    throw HttpError(408, "The request's body came too slowly.");
  }
  if (error) lose_body(error);
  pace_.moved(size, Clock::now() - start);
  co_return size;
}

void RequestReader::lose_body(error_code error) {
  broken_ = true;
  if (error == asio::error::eof) throw HttpError(400, "The request ended before its body did.");
  throw ConnectionLost(error.message());
}

std::size_t RequestReader::read_ready(const Stream::Detached& socket, std::span<std::byte> piece) {
  if (chunks_ || stream_.is_encrypted() || has_more()) return 0;
  const auto wanted = piece.first(std::min<std::uint64_t>(piece.size(), left_));
  const auto start = Clock::now();
  std::size_t done = 0;
  while (done < wanted.size()) {
    const auto rest = wanted.subspan(done);
    const auto size = ::recv(socket.fd(), rest.data(), rest.size(), MSG_DONTWAIT);
    const int error = size < 0 ? errno : 0;
    if (size == 0) lose_body(asio::error::eof);
    if (size > 0) done += static_cast<std::size_t>(size);
    if (error == EAGAIN && !is_ready_soon(socket.fd(), POLLIN)) break;
    if (error != 0 && error != EAGAIN && error != EINTR) {
      lose_body(error_code(error, boost::system::system_category()));
    }
  }
  pace_.moved(done, Clock::now() - start);
  left_ -= done;
  received_ += done;
  return done;
}

void RequestReader::expect_soon() noexcept {
  pace_ = BodyPace(std::min(limits_.body_window, limits_.buffered_body_window), limits_.body_rate);
}

awaitable<void> RequestReader::discard(std::uint64_t size) {
  BodyPace pace(limits_.linger_time, limits_.body_rate);
  std::vector<char> scratch(kReadSize);
  const auto most = size + size / kFramingShare + kMaxAhead;
  for (std::uint64_t total = 0; total < most;) {
    const auto start = Clock::now();
    deadline_.arm(pace.patience());
    // Past TLS: what is not read any more need not be understood.
    const auto [error, got] =
        co_await stream_.socket().async_read_some(asio::buffer(scratch), kAsTuple);
    if (error) break;
    total += got;
    pace.moved(got, Clock::now() - start);
    if (got == scratch.size()) scratch.resize(kDiscardPiece);  // there is much to come
  }
  deadline_.disarm();
}

}  // namespace glance::api
