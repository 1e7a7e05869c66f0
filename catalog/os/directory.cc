// SPDX-License-Identifier: Apache-2.0
#include "catalog/os/directory.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <utility>

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include "catalog/base/error.h"
#include "catalog/os/disk_error.h"

namespace glance {

namespace {

constexpr int kDirectoryFlags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;

void require_component(const std::string& name) {
  const bool single = !name.empty() && name != "." && name != ".." &&
                      name.find('/') == std::string::npos && name.find('\0') == std::string::npos;
  if (!single) throw Error(Errc::invalid, "'" + name + "' is not the name of one file");
}

/// Whether the filesystem, or the pair of directories, does not know how to do it.
bool is_unable(int errno_value) {
  constexpr std::array kUnable = {EINVAL, ENOSYS, EOPNOTSUPP, EPERM, EXDEV};
  return std::ranges::find(kUnable, errno_value) != kUnable.end();
}

UniqueFd open_directory(const std::filesystem::path& path, const Disk& disk) {
  UniqueFd fd(
      uninterrupted([&] { return disk.open_at(AT_FDCWD, path.c_str(), kDirectoryFlags, 0); }));
  if (fd) return fd;
  if (errno == ENOENT)
    throw Error(Errc::not_found, "the directory " + path.string() + " does not exist");
  if (errno == ENOTDIR) throw Error(Errc::invalid, path.string() + " is not a directory");
  throw_disk_errno(errno, "opening the directory " + path.string());
}

}  // namespace

Directory::Directory(const std::filesystem::path& path, const Disk& disk)
    : Directory(open_directory(path, disk), path, disk) {}

std::string Directory::full_name(const std::string& name) const {
  require_component(name);
  return (path_ / name).string();
}

struct stat Directory::status() const {
  return glance::status_of(fd_.get(), path_.string(), *disk_);
}

FileIdentity Directory::identity() const {
  const struct stat now = status();
  return {.device = now.st_dev, .inode = now.st_ino};
}

struct statvfs Directory::space() const {
  struct statvfs status{};
  if (uninterrupted([&] { return disk_->space(fd_.get(), status); }) != 0) {
    throw_disk_errno(errno, "statvfs of " + path_.string());
  }
  return status;
}

std::optional<Directory> Directory::find_directory(const std::string& name) const {
  const std::string full = full_name(name);
  UniqueFd fd(uninterrupted(
      [&] { return disk_->open_at(fd_.get(), name.c_str(), kDirectoryFlags | O_NOFOLLOW, 0); }));
  if (fd) return Directory(std::move(fd), full, *disk_);
  if (errno == ENOENT) return std::nullopt;
  throw_disk_errno(errno, "opening the directory " + full);
}

Directory Directory::make_directory(const std::string& name, mode_t mode) const {
  const std::string full = full_name(name);
  const int made =
      uninterrupted([&] { return disk_->make_directory_at(fd_.get(), name.c_str(), mode); });
  if (made != 0 && errno != EEXIST) throw_disk_errno(errno, "making the directory " + full);
  auto directory = find_directory(name);
  if (!directory) throw_disk_errno(ENOENT, "opening the directory " + full);
  if (made != 0) return *std::move(directory);
  // Who may write here may have put a directory of another's in its place: only ours is given away.
  const struct stat parent = status();
  if (directory->status().st_uid == ::geteuid()) {
    give_to(directory->fd_.get(), parent.st_uid, parent.st_gid, full, *disk_);
  }
  sync();
  return *std::move(directory);
}

std::optional<File> Directory::find_file(const std::string& name, int flags) const {
  const std::string full = full_name(name);
  UniqueFd fd(uninterrupted([&] {
    return disk_->open_at(fd_.get(), name.c_str(), flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0);
  }));
  if (!fd && errno == ENOENT) return std::nullopt;
  // A FIFO that nobody reads, a socket, a directory to be written.
  const bool other = !fd && (errno == ENXIO || errno == EISDIR);
  if (!fd && !other) throw_disk_errno(errno, "opening " + full);
  if (other || !S_ISREG(glance::status_of(fd.get(), full, *disk_).st_mode)) {
    throw Error(Errc::not_found, full + " is not a regular file", Error::Words::foreign);
  }
  return File(std::move(fd), full, *disk_);
}

std::optional<File> Directory::make_file(const std::string& name, mode_t mode) const {
  constexpr int kFlags = O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW;
  const std::string full = full_name(name);
  UniqueFd fd(uninterrupted([&] { return disk_->open_at(fd_.get(), name.c_str(), kFlags, mode); }));
  if (fd) return File(std::move(fd), full, *disk_);
  if (errno == EEXIST) return std::nullopt;
  throw_disk_errno(errno, "making " + full);
}

std::optional<File> Directory::make_unnamed_file(mode_t mode) const {
  UniqueFd fd(uninterrupted(
      [&] { return disk_->open_at(fd_.get(), ".", O_TMPFILE | O_RDWR | O_CLOEXEC, mode); }));
  if (fd) return File(std::move(fd), "a new file in " + path_.string(), *disk_);
  // EISDIR: a kernel or a FUSE filesystem that has not heard of the flag.
  if (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL) return std::nullopt;
  throw_disk_errno(errno, "making a file in " + path_.string());
}

bool Directory::name_file(const File& file, const std::string& name) const {
  const std::string full = full_name(name);
  const std::string unnamed = "/proc/self/fd/" + std::to_string(file.fd());
  if (uninterrupted([&] {
        return disk_->link_at(AT_FDCWD, unnamed.c_str(), fd_.get(), name.c_str(),
                              AT_SYMLINK_FOLLOW);
      }) == 0) {
    return true;
  }
  if (errno == EEXIST) return false;
  throw_disk_errno(errno, "naming " + full);
}

bool Directory::link(const std::string& name, const Directory& target,
                     const std::string& new_name) const {
  require_component(name);
  const std::string full = target.full_name(new_name);
  if (uninterrupted([&] {
        return disk_->link_at(fd_.get(), name.c_str(), target.fd_.get(), new_name.c_str(), 0);
      }) == 0) {
    return true;
  }
  if (errno == EEXIST) return false;
  if (is_unable(errno)) {
    throw Error(Errc::unsupported, "the filesystem cannot give a file its place at " + full +
                                       ": it knows no hard links there");
  }
  throw_disk_errno(errno, "linking to " + full);
}

bool Directory::rename_new(const std::string& name, const Directory& target,
                           const std::string& new_name) const {
  require_component(name);
  const std::string full = target.full_name(new_name);
  if (uninterrupted([&] {
        return disk_->rename_at(fd_.get(), name.c_str(), target.fd_.get(), new_name.c_str(),
                                RENAME_NOREPLACE);
      }) == 0) {
    return true;
  }
  if (errno == EEXIST) return false;
  if (!is_unable(errno)) throw_disk_errno(errno, "renaming to " + full);
  if (!link(name, target, new_name)) return false;
  remove_file(name);
  return true;
}

bool Directory::remove_file(const std::string& name) const {
  const std::string full = full_name(name);
  if (uninterrupted([&] { return disk_->unlink_at(fd_.get(), name.c_str()); }) == 0) return true;
  if (errno == ENOENT) return false;
  throw_disk_errno(errno, "removing " + full);
}

std::optional<struct stat> Directory::status_of(const std::string& name) const {
  const std::string full = full_name(name);
  struct stat found{};
  if (uninterrupted([&] {
        return disk_->status_at(fd_.get(), name.c_str(), found, AT_SYMLINK_NOFOLLOW);
      }) == 0) {
    return found;
  }
  if (errno == ENOENT) return std::nullopt;
  throw_disk_errno(errno, "looking at " + full);
}

std::filesystem::path Directory::read_link(const std::string& name) const {
  const std::string full = full_name(name);
  std::array<char, PATH_MAX> target{};
  const ssize_t size = ::readlinkat(fd_.get(), name.c_str(), target.data(), target.size());
  if (size < 0) throw_disk_errno(errno, "reading the link " + full);
  return std::string(target.data(), static_cast<std::size_t>(size));
}

bool Directory::names(const std::string& name, const File& file) const {
  const auto found = status_of(name);
  return found && FileIdentity{found->st_dev, found->st_ino} == file.identity();
}

void Directory::for_each(const std::function<void(const std::string&)>& entry) const {
  // A stream of its own: the position in a directory belongs to the open file.
  UniqueFd fd(uninterrupted([&] { return disk_->open_at(fd_.get(), ".", kDirectoryFlags, 0); }));
  if (!fd) throw_disk_errno(errno, "opening the directory " + path_.string());
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(fd.get()), ::closedir);
  if (!stream) throw_disk_errno(errno, "listing " + path_.string());
  static_cast<void>(fd.release());  // the stream's
  for (;;) {
    errno = 0;
    const dirent* found = ::readdir(stream.get());  // NOLINT(concurrency-mt-unsafe): our stream
    if (found == nullptr) break;
    const std::string name = found->d_name;  // NOLINT(*-array-to-pointer-decay)
    if (name != "." && name != "..") entry(name);
  }
  if (errno != 0) throw_disk_errno(errno, "listing " + path_.string());
}

void Directory::sync() const {
  if (uninterrupted([&] { return disk_->sync(fd_.get()); }) != 0) {
    throw_disk_errno(errno, "fsync of " + path_.string());
  }
}

}  // namespace glance
