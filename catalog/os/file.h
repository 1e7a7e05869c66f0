// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include <sys/types.h>

#include "catalog/os/disk.h"
#include "catalog/os/unique_fd.h"

namespace glance {

/// Which file it is, whatever it is called.
struct FileIdentity {
  dev_t device = 0;
  ino_t inode = 0;

  friend bool operator==(const FileIdentity&, const FileIdentity&) = default;
};

/// An open regular file: complete reads and writes, errors as Error, signals passed over.
///
/// Owns the descriptor. As safe for concurrent use as the system calls are. Errors of all calls:
/// no_space, over_quota, too_large, read_only, unavailable, io.
class File {
 public:
  /// `name` is for messages. `disk` must outlive it.
  File(UniqueFd fd, std::string name, const Disk& disk)
      : fd_(std::move(fd)), name_(std::move(name)), disk_(&disk) {}

  [[nodiscard]] int fd() const noexcept { return fd_.get(); }
  [[nodiscard]] const Disk& disk() const noexcept { return *disk_; }
  [[nodiscard]] const std::string& name() const noexcept { return name_; }

  [[nodiscard]] std::uint64_t size() const;
  [[nodiscard]] FileIdentity identity() const;

  /// Reads until `into` is full or the file ends; returns the bytes read.
  std::size_t read(std::uint64_t offset, std::span<std::byte> into) const;

  /// Writes all.
  void write(std::uint64_t offset, std::span<const std::byte> bytes) const;

  /// As copy_file_range(2), which shares the blocks where the filesystem can. False where it knows
  /// neither for these two files; then nothing was copied.
  [[nodiscard]] bool copy(int source, std::uint64_t from, std::uint64_t to,
                          std::uint64_t size) const;

  void truncate(std::uint64_t size) const;

  /// As fallocate(2); with `grow` the room becomes part of the file. On failure the size is what
  /// it was. Error: also unsupported.
  void allocate(std::uint64_t offset, std::uint64_t size, bool grow) const;

  /// As lseek(2)'s SEEK_DATA, or with `hole` SEEK_HOLE; nothing behind the end.
  [[nodiscard]] std::optional<std::uint64_t> seek(std::uint64_t offset, bool hole) const;

  /// Data and size are durable on return; the name is Directory::sync()'s.
  void sync() const;

  /// Takes flock(2)'s exclusive lock without waiting; false if another open file has it.
  [[nodiscard]] bool lock() const;

  void set_mode(mode_t mode) const;

  /// As give_to().
  void give(uid_t owner, gid_t group) const;

 private:
  UniqueFd fd_;
  std::string name_;
  const Disk* disk_;
};

/// As fstat(2). `name` is for messages. Errors: unavailable, io.
[[nodiscard]] struct stat status_of(int fd, const std::string& name, const Disk& disk);

/// Gives a file or directory to another owner as far as we may: it stays ours where the kernel or
/// the filesystem knows no such change. Errors: read_only, io.
void give_to(int fd, uid_t owner, gid_t group, const std::string& name, const Disk& disk);

}  // namespace glance
