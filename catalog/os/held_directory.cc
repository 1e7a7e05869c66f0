// SPDX-License-Identifier: Apache-2.0
#include "catalog/os/held_directory.h"

#include <utility>

#include <fcntl.h>

#include "catalog/base/error.h"
#include "catalog/os/disk_error.h"

namespace glance {

std::filesystem::path normal_path(const std::filesystem::path& path) {
  auto normal = std::filesystem::absolute(path).lexically_normal();
  return normal.has_filename() ? normal : normal.parent_path();
}

HeldDirectory::HeldDirectory(std::filesystem::path path, Require require, const Disk& disk)
    : HeldDirectory(
          std::move(path),
          [&disk](const std::filesystem::path& from) { return Directory(from, disk); },
          std::move(require), disk) {}

HeldDirectory::HeldDirectory(std::filesystem::path path, Open open, Require require,
                             const Disk& disk)
    : path_(normal_path(path)), open_(std::move(open)), require_(std::move(require)), disk_(disk) {}

DirectoryPtr HeldDirectory::get() const {
  struct stat now{};
  if (uninterrupted([&] { return disk_.status_at(AT_FDCWD, path_.c_str(), now, 0); }) != 0) {
    throw_disk_errno(errno, "the directory " + path_.string());
  }
  const FileIdentity there{.device = now.st_dev, .inode = now.st_ino};
  DirectoryPtr held;
  {
    MutexLock lock(mutex_);
    held = held_;
  }
  if (held && held->identity() == there) return held;
  auto opened = std::make_shared<const Directory>(open_(path_));
  if (require_) require_(*opened);
  MutexLock lock(mutex_);
  held_ = opened;
  return opened;
}

}  // namespace glance
