// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <functional>
#include <memory>

#include "catalog/base/sync.h"
#include "catalog/os/directory.h"

namespace glance {

/// A directory that is known by its path, and held open while the path leads there. A filesystem
/// that is mounted or unmounted over the path makes it another directory, which is looked at before
/// anything is done in it.
///
/// Safe for concurrent use.
class HeldDirectory {
 public:
  /// Opens the path. Errors: as Directory's constructor.
  using Open = std::function<Directory(const std::filesystem::path& path)>;

  /// Throws if the directory is not the one that is meant: unavailable, invalid, … .
  using Require = std::function<void(const Directory& directory)>;

  explicit HeldDirectory(const std::filesystem::path& path, Require require = {},
                         const Disk& disk = Disk::kernel());

  /// With a way of its own to open the path.
  HeldDirectory(const std::filesystem::path& path, Open open, Require require, const Disk& disk);

  /// The directory, for as long as the caller keeps the pointer. Errors: unavailable (the path
  /// leads nowhere, or what `open` or `require` say).
  [[nodiscard]] DirectoryPtr get() const EXCLUDES(mutex_);

  /// The same; null if the path leads nowhere.
  [[nodiscard]] DirectoryPtr find() const EXCLUDES(mutex_);

  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
  [[nodiscard]] const Disk& disk() const noexcept { return disk_; }

 private:
  [[nodiscard]] DirectoryPtr hold(const FileIdentity& there) const EXCLUDES(mutex_);

  const std::filesystem::path path_;
  const Open open_;
  const Require require_;
  const Disk& disk_;
  mutable Mutex mutex_;  // a leaf, not held while the disk is asked
  mutable DirectoryPtr held_ GUARDED_BY(mutex_);
  mutable FileIdentity identity_ GUARDED_BY(mutex_);  // of held_
};

/// Without a slash at its end, and absolute: a daemon changes its working directory.
[[nodiscard]] std::filesystem::path normal_path(const std::filesystem::path& path);

}  // namespace glance
