// SPDX-License-Identifier: Apache-2.0
#include "catalog/os/held_directory.h"

#include <cerrno>
#include <utility>

#include <fcntl.h>

#include "catalog/base/error.h"
#include "catalog/os/disk_error.h"

namespace glance {

std::filesystem::path normal_path(const std::filesystem::path& path) {
  auto normal = std::filesystem::absolute(path).lexically_normal();
  return normal.has_filename() ? normal : normal.parent_path();
}

HeldDirectory::HeldDirectory(const std::filesystem::path& path, Require require, const Disk& disk)
    : HeldDirectory(
          path, [&disk](const std::filesystem::path& from) { return Directory(from, disk); },
          std::move(require), disk) {}

HeldDirectory::HeldDirectory(const std::filesystem::path& path, Open open, Require require,
                             const Disk& disk)
    : path_(normal_path(path)), open_(std::move(open)), require_(std::move(require)), disk_(disk) {}

DirectoryPtr HeldDirectory::get() const {
  auto found = find();
  if (!found) throw_disk_errno(ENOENT, "the directory " + path_.string());
  return found;
}

DirectoryPtr HeldDirectory::find() const {
  struct stat now{};
  if (uninterrupted([&] { return disk_.status_at(AT_FDCWD, path_.c_str(), now, 0); }) == 0) {
    return hold({.device = now.st_dev, .inode = now.st_ino});
  }
  if (errno == ENOENT || errno == ENOTDIR) return nullptr;
  throw_disk_errno(errno, "the directory " + path_.string());
}

/// What is held, if the path still leads `there`, else what it leads to now.
DirectoryPtr HeldDirectory::hold(const FileIdentity& there) const {
  {
    MutexLock lock(mutex_);
    if (held_ && identity_ == there) return held_;
  }
  auto opened = std::make_shared<const Directory>(open_(path_));
  if (require_) require_(*opened);
  const FileIdentity identity = opened->identity();
  MutexLock lock(mutex_);
  held_ = opened;
  identity_ = identity;
  return opened;
}

}  // namespace glance
