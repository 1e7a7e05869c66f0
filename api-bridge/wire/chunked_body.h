// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace glance::api {

/// Takes the chunked transfer coding off a request's body (RFC 9112 § 7.1): tells which of the next
/// bytes are data and which are framing, and never touches the data. Stricter than most, because
/// two readers that disagree about a chunk's end let requests be smuggled: sizes are plain hex of
/// 16 digits at most, lines end in CR LF, nothing is folded, and neither a line nor the trailers
/// may grow without bound. Trailers and extensions are checked and dropped.
///
/// Pure and incremental; used by one thread at a time.
class ChunkedBody {
 public:
  /// How many of the next bytes are data. While it is 0 and the body is not done, framing is next.
  [[nodiscard]] std::uint64_t data_left() const noexcept { return data_left_; }

  /// The body and its trailers are complete.
  [[nodiscard]] bool is_done() const noexcept { return state_ == State::done; }

  /// That many bytes of data, no more than data_left(), have been read.
  void took_data(std::uint64_t bytes) noexcept { data_left_ -= bytes; }

  /// Takes framing off the front of `text`, up to the next data or the body's end; returns how many
  /// bytes it took: 0 if the line is not complete yet. Throws HttpError 400, after which the
  /// connection must not be read on.
  std::size_t take_framing(std::string_view text);

 private:
  enum class State { size, data_end, trailer, done };

  [[nodiscard]] std::size_t take_line(std::string_view text);
  void start_chunk(std::string_view line);
  void take_trailer(std::string_view line);

  State state_ = State::size;
  std::uint64_t data_left_ = 0;
  std::size_t trailer_bytes_ = 0;
};

}  // namespace glance::api
