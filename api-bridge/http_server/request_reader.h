// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include <boost/beast/core/flat_buffer.hpp>

#include "api-bridge/http_server/asio.h"
#include "api-bridge/http_server/deadline.h"
#include "api-bridge/http_server/limits.h"
#include "api-bridge/http_server/stream.h"
#include "api-bridge/wire/body_pace.h"
#include "api-bridge/wire/chunked_body.h"
#include "api-bridge/wire/http.h"

namespace glance::api {

/// Reads requests off a connection: first a head, then its body piece by piece, then the next
/// head. What is read but not understood yet is bounded; a body's bytes go straight to where they
/// are wanted. All that it is given must outlive it.
class RequestReader {
 public:
  RequestReader(Stream& stream, Deadline& deadline, const ServerLimits& limits);

  enum class Outcome {
    complete,   ///< the text ends with the empty line
    too_long,   ///< the text is as much as there is of it
    cut_off,    ///< the peer closed in the middle
    timed_out,  ///< the peer took too long in the middle
    closed,     ///< there is no head: the peer closed, or was silent for too long
  };

  struct Head {
    Outcome outcome;
    std::string_view text;  ///< valid until begin_body() or the next read
  };

  awaitable<Head> read_head();

  /// The head has been understood, and this is what it says about the body.
  void begin_body(std::size_t head_size, const Request& request);

  /// The body will be kept in memory: it gets less time than one that is stored as it comes.
  void expect_soon() noexcept;

  [[nodiscard]] bool is_body_done() const noexcept {
    return chunks_ ? chunks_->is_done() : left_ == 0;
  }

  /// How much is still to come; nothing where the client did not say, or will not send it.
  [[nodiscard]] std::optional<std::uint64_t> body_left() const noexcept {
    return chunks_ || broken_ ? std::nullopt : std::optional(left_);
  }

  /// Bytes of the body that have been read.
  [[nodiscard]] std::uint64_t body_received() const noexcept { return received_; }

  /// Fills `piece` with the body's next bytes; returns fewer only at the body's end. Throws
  /// HttpError (400 malformed or ended early, 408 too slow) or ConnectionLost.
  awaitable<std::size_t> read_body(std::span<std::byte> piece);

  /// The same for what needs no waiting, but a moment: fewer bytes where no more come at once, none
  /// where they can only come by read_body(). To be called by a job that the connection's coroutine
  /// waits for: a fast peer's bytes need not change threads for every piece.
  [[nodiscard]] std::size_t read_ready(const Stream::Detached& socket, std::span<std::byte> piece);

  /// Reads and forgets whatever comes, `size` bytes and their framing at most, until the peer
  /// closes or becomes slower than ServerLimits::linger_time allows.
  awaitable<void> discard(std::uint64_t size);

  /// Whether the peer has sent more than was read.
  [[nodiscard]] bool has_more() const noexcept { return buffer_.size() > 0; }

 private:
  [[nodiscard]] std::string_view text() const noexcept;
  [[nodiscard]] std::optional<Head> find_head();
  awaitable<std::size_t> read_plain(std::span<std::byte> piece);
  awaitable<std::size_t> read_chunks(std::span<std::byte> piece);
  awaitable<void> read_framing();
  awaitable<std::size_t> read_data(std::span<std::byte> into);
  awaitable<std::size_t> read_from_peer(asio::mutable_buffer into);
  [[noreturn]] void lose_body(error_code error);
  awaitable<Stream::Result> read_some(asio::mutable_buffer into, std::chrono::nanoseconds time);

  Stream& stream_;
  Deadline& deadline_;
  const ServerLimits& limits_;
  boost::beast::flat_buffer buffer_;
  std::size_t searched_ = 0;  // bytes of the buffer that hold no end of a head
  bool first_ = true;
  std::optional<ChunkedBody> chunks_;  // of a body in chunks
  std::uint64_t left_ = 0;             // of a body of announced length
  std::uint64_t received_ = 0;
  bool broken_ = false;  // ended early, or comes too slowly
  BodyPace pace_;
};

}  // namespace glance::api
