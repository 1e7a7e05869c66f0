// SPDX-License-Identifier: Apache-2.0
#include "catalog/os/file.h"

#include <algorithm>
#include <array>
#include <cerrno>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "catalog/base/error.h"
#include "catalog/os/disk_error.h"

namespace glance {

struct stat status_of(int fd, const std::string& name, const Disk& disk) {
  struct stat status{};
  if (uninterrupted([&] { return disk.status(fd, status); }) != 0) {
    throw_disk_errno(errno, "looking at " + name);
  }
  return status;
}

void give_to(int fd, uid_t owner, gid_t group, const std::string& name, const Disk& disk) {
  if (uninterrupted([&] { return disk.change_owner(fd, owner, group); }) == 0) return;
  // EINVAL: an owner that this user namespace does not know.
  constexpr std::array kNotOurs = {EPERM, EINVAL, ENOSYS, EOPNOTSUPP};
  if (std::ranges::find(kNotOurs, errno) == kNotOurs.end()) {
    throw_disk_errno(errno, "chown of " + name);
  }
}

std::uint64_t File::size() const {
  return static_cast<std::uint64_t>(status_of(fd(), name_, *disk_).st_size);
}

FileIdentity File::identity() const {
  const struct stat status = status_of(fd(), name_, *disk_);
  return {.device = status.st_dev, .inode = status.st_ino};
}

std::size_t File::read(std::uint64_t offset, std::span<std::byte> into) const {
  std::size_t done = 0;
  while (done < into.size()) {
    const auto rest = into.subspan(done);
    const ssize_t count = uninterrupted([&] {
      return disk_->read(fd(), rest.data(), rest.size(), static_cast<off_t>(offset + done));
    });
    if (count < 0) throw_disk_errno(errno, "reading " + name_);
    if (count == 0) break;
    done += static_cast<std::size_t>(count);
  }
  return done;
}

void File::write(std::uint64_t offset, std::span<const std::byte> bytes) const {
  while (!bytes.empty()) {
    const ssize_t count = uninterrupted(
        [&] { return disk_->write(fd(), bytes.data(), bytes.size(), static_cast<off_t>(offset)); });
    if (count < 0) throw_disk_errno(errno, "writing " + name_);
    if (count == 0) throw Error(Errc::io, "writing " + name_ + ": the disk takes no more");
    bytes = bytes.subspan(static_cast<std::size_t>(count));
    offset += static_cast<std::uint64_t>(count);
  }
}

bool File::copy(int source, std::uint64_t from, std::uint64_t to, std::uint64_t size) const {
  auto in = static_cast<off_t>(from);
  auto out = static_cast<off_t>(to);
  while (size > 0) {
    const ssize_t count = uninterrupted([&] { return disk_->copy(source, in, fd(), out, size); });
    const bool unable = count < 0 && (errno == EXDEV || errno == EINVAL || errno == ENOSYS ||
                                      errno == EOPNOTSUPP || errno == EBADF);
    if (unable && out == static_cast<off_t>(to)) return false;
    if (count < 0) throw_disk_errno(errno, "copying to " + name_);
    if (count == 0) throw Error(Errc::io, "copying to " + name_ + ": the data end too early");
    size -= static_cast<std::uint64_t>(count);
  }
  return true;
}

void File::truncate(std::uint64_t size) const {
  const auto length = static_cast<off_t>(size);
  if (uninterrupted([&] { return disk_->truncate(fd(), length); }) != 0) {
    throw_disk_errno(errno, "resizing " + name_);
  }
}

void File::allocate(std::uint64_t offset, std::uint64_t length, bool grow) const {
  const std::uint64_t before = size();
  const int mode = grow ? 0 : FALLOC_FL_KEEP_SIZE;
  const int result = uninterrupted([&] {
    return disk_->allocate(fd(), mode, static_cast<off_t>(offset), static_cast<off_t>(length));
  });
  if (result == 0) return;
  const int error = errno;
  if (error == EOPNOTSUPP) throw Error(Errc::unsupported, "the store cannot set room aside");
  // ext4 keeps what it got before the room ran out, as a larger file.
  truncate(before);
  throw_disk_errno(error, "setting room aside for " + name_);
}

std::optional<std::uint64_t> File::seek(std::uint64_t offset, bool hole) const {
  // The descriptor's own position, which this moves, is used by nobody.
  const off_t at = ::lseek(fd(), static_cast<off_t>(offset), hole ? SEEK_HOLE : SEEK_DATA);
  if (at >= 0) return static_cast<std::uint64_t>(at);
  if (errno == ENXIO) return std::nullopt;
  throw_disk_errno(errno, "looking for holes in " + name_);
}

void File::sync() const {
  if (uninterrupted([&] { return disk_->sync(fd()); }) != 0)
    throw_disk_errno(errno, "fsync of " + name_);
}

bool File::lock() const {
  if (uninterrupted([&] { return disk_->lock(fd(), LOCK_EX | LOCK_NB); }) == 0) return true;
  if (errno == EWOULDBLOCK) return false;
  throw_disk_errno(errno, "locking " + name_);
}

void File::set_mode(mode_t mode) const {
  if (uninterrupted([&] { return disk_->change_mode(fd(), mode); }) != 0) {
    throw_disk_errno(errno, "chmod of " + name_);
  }
}

void File::give(uid_t owner, gid_t group) const {
  give_to(fd(), owner, group, name_, *disk_);
}

}  // namespace glance
