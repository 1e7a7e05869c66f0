// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace glance {

/// The data of one stored image. Safe for concurrent reads; stays readable after the image is
/// deleted, as long as the reader lives.
class BlobReader {
 public:
  virtual ~BlobReader() = default;

  [[nodiscard]] virtual std::uint64_t size() const = 0;

  /// Reads at `offset`; returns the bytes read, fewer than asked for only at the end. Error: io.
  virtual std::size_t read(std::uint64_t offset, std::span<std::byte> into) const = 0;

  /// As lseek(2)'s SEEK_DATA, or with `hole` SEEK_HOLE; nothing behind the end. A store that
  /// knows no holes has one, at the end.
  [[nodiscard]] virtual std::optional<std::uint64_t> seek(std::uint64_t offset, bool hole) const {
    if (offset >= size()) return std::nullopt;
    return hole ? size() : offset;
  }

  /// Whether all bytes are still there; somebody may have cut the file short under us.
  [[nodiscard]] virtual bool is_whole() const noexcept { return true; }

  /// A descriptor with the same bytes at the same offsets, for sendfile(2) and splice(2), owned
  /// by the reader; -1 where the store has none.
  [[nodiscard]] virtual int fd() const noexcept { return -1; }
};

}  // namespace glance
