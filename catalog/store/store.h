// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "catalog/model/image.h"

namespace glance {

/// A store's room, in bytes.
struct Space {
  std::uint64_t total = 0;
  std::uint64_t free = 0;
  std::uint64_t available = 0;  ///< to us
};

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

/// Bytes on their way to become an image's data. Holds a lock on the image's place in the store
/// for as long as it lives, on this host and across processes; the kernel frees it if we die.
/// Destruction lets go of the lock and leaves the bytes for recovery; discard() removes them.
/// One thread at a time, but read() may run beside write() of other ranges.
class BlobWriter {
 public:
  virtual ~BlobWriter() = default;

  /// At any offset; gaps read as zeros. Errors: no_space, over_quota, too_large, io.
  virtual void write(std::uint64_t offset, std::span<const std::byte> bytes) = 0;
  virtual void truncate(std::uint64_t size) = 0;

  /// Sets room aside; with `grow` the bytes become part of the data, as zeros. On failure the size
  /// is what it was. Errors: unsupported, no_space, over_quota, too_large, io.
  virtual void allocate(std::uint64_t offset, std::uint64_t size, bool grow) = 0;

  /// Copies `size` bytes, which `source` has, from its offset `from` to `to`; shares the blocks
  /// with it where both lie on a filesystem that can.
  virtual void copy(const BlobReader& source, std::uint64_t from, std::uint64_t to,
                    std::uint64_t size) = 0;
  [[nodiscard]] virtual std::uint64_t size() const = 0;
  virtual std::size_t read(std::uint64_t offset, std::span<std::byte> into) const = 0;

  /// As lseek(2)'s SEEK_DATA, or with `hole` SEEK_HOLE; nothing behind the end.
  [[nodiscard]] virtual std::optional<std::uint64_t> seek(std::uint64_t offset,
                                                          bool hole) const = 0;

  /// Bytes and directory entry are durable on return. Errors: io, no_space.
  virtual void sync() = 0;

  /// Gives the synced bytes their final place, durably, and returns its location. Never replaces
  /// anything: exists. May be repeated.
  virtual Location publish() = 0;

  /// Whether the bytes are in their final place.
  [[nodiscard]] virtual bool published() const noexcept = 0;

  /// Removes the bytes, published or not. Never throws.
  virtual void discard() noexcept = 0;
};

/// What is left of an upload whose writer may have died.
struct BlobClaim {
  bool alive = false;                  ///< its writer still holds the lock
  std::unique_ptr<BlobWriter> writer;  ///< the bytes, now locked by us; null if alive or gone
};

/// Where image data live. Safe for concurrent use.
class Store {
 public:
  virtual ~Store() = default;

  /// Locks the image's place for a new blob. It still holds what a dead writer left there: who
  /// turns out to own the image truncates it. Error: conflict, if another writer lives.
  virtual std::unique_ptr<BlobWriter> create(const ImageId& id) = 0;

  /// Takes over the blob of a dead writer, published or not.
  virtual BlobClaim claim(const ImageId& id) = 0;

  /// Images with unpublished bytes in the store, whoever writes them.
  [[nodiscard]] virtual std::vector<ImageId> unfinished() const = 0;

  /// The URLs of all data in their final places, in no order; whose they are is not known here.
  [[nodiscard]] virtual std::vector<std::string> blobs() const = 0;

  /// The URL as blobs() has it; nothing if it is not a place in this store.
  [[nodiscard]] virtual std::optional<std::string> canonical_url(const std::string& url) const = 0;

  /// Whether both URLs name one place, however they spell it.
  [[nodiscard]] bool is_same_place(const std::string& url, const std::string& other) const {
    if (url == other) return true;
    const auto place = canonical_url(url);
    return place && place == canonical_url(other);
  }

  /// Errors: not_found (no data there), unsupported (not this store's location), io.
  virtual std::unique_ptr<BlobReader> open(const Location& location) = 0;

  /// Absent is success. A power cut may bring the data back until sync_removals(). Errors:
  /// unsupported, io.
  virtual void remove(const std::string& url) = 0;

  /// What has been removed stays removed. Errors: io, unavailable.
  virtual void sync_removals() = 0;

  [[nodiscard]] virtual Space space() const = 0;
};

}  // namespace glance
