// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "catalog/model/blob_reader.h"
#include "catalog/model/image_id.h"
#include "catalog/os/directory.h"
#include "catalog/os/file.h"
#include "catalog/spool/early_sync.h"

namespace glance {

/// Bytes on their way to become an image's data: a local file of random access, locked with
/// flock(2) for as long as it lives, on this host and across processes; the kernel frees the lock
/// if we die. Whatever store the data are for, they are complete and durable here before they go
/// there, and stay here until the database says that they are there.
///
/// Destruction lets go of the lock and leaves the bytes for recovery; discard() removes them. One
/// thread at a time, but read() may run beside write() of other ranges. Errors of all calls:
/// no_space, over_quota, too_large, unavailable, io.
class Spool {
 public:
  /// `file`, which is locked, is called by the image's id in `area`.
  Spool(DirectoryPtr area, File file, ImageId id);
  Spool(const Spool&) = delete;
  Spool& operator=(const Spool&) = delete;

  [[nodiscard]] const ImageId& id() const noexcept { return id_; }

  /// At any offset; gaps read as zeros.
  void write(std::uint64_t offset, std::span<const std::byte> bytes);
  void truncate(std::uint64_t size);

  /// Sets room aside; with `grow` the bytes become part of the data, as zeros. On failure the size
  /// is what it was. Error: also unsupported.
  void allocate(std::uint64_t offset, std::uint64_t size, bool grow);

  /// Copies `size` bytes, which `source` has, from its offset `from` to `to`; shares the blocks
  /// with it where both lie on a filesystem that can.
  void copy(const BlobReader& source, std::uint64_t from, std::uint64_t to, std::uint64_t size);

  [[nodiscard]] std::uint64_t size() const { return file_.size(); }
  std::size_t read(std::uint64_t offset, std::span<std::byte> into) const;

  /// As lseek(2)'s SEEK_DATA, or with `hole` SEEK_HOLE; nothing behind the end.
  [[nodiscard]] std::optional<std::uint64_t> seek(std::uint64_t offset, bool hole) const;

  /// Bytes and directory entry are durable on return.
  void sync();

  /// Removes the bytes from the spool. Never throws: what stays is recovery's.
  void discard() noexcept;

  /// Gives the synced bytes a second name, id(), in a directory that takes the file itself; durable
  /// on return. May be repeated, by another process too, and never replaces anything else. Errors:
  /// also exists, unsupported (another filesystem).
  void place_in(const Directory& directory) const;

  [[nodiscard]] const File& file() const noexcept { return file_; }

 private:
  void start_writeback(std::uint64_t offset);

  const DirectoryPtr area_;
  const File file_;
  const ImageId id_;
  std::uint64_t unwritten_from_ = 0;  // up to here the disk has been told of
  bool entry_synced_ = false;
  EarlySync early_sync_;  // last: its thread uses file_
};

}  // namespace glance
