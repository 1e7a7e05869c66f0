// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "catalog/os/disk.h"

namespace glance::test {

/// What a disk does wrong, from its Nth change on.
struct DiskFault {
  enum class Kind {
    none,
    once,     ///< the Nth change fails, with `error`
    forever,  ///< every change from the Nth on fails: a full disk, one that turned read-only
    crash,    ///< the process ends at the Nth change, and what was not synced is lost
  };
  Kind kind = Kind::none;
  int error = 0;
  int at = 0;  ///< from 1
};

/// A disk that fails on demand, and that remembers what a power cut would leave of some folders:
/// the bytes of a file as they were at its last fsync, the names in a folder as they were at its
/// own. Everything that was there at the beginning is durable.
class FaultyDisk final : public Disk {
 public:
  static constexpr int kCrashed = 42;  ///< the exit status of a process that crashed

  explicit FaultyDisk(DiskFault fault = {}, std::vector<std::filesystem::path> folders = {})
      : fault_(fault), folders_(std::move(folders)) {
    for (const auto& folder : folders_) remember_tree(folder);
  }

  /// So many changes were tried so far.
  [[nodiscard]] int changes() const noexcept { return changes_; }

  int open_at(int directory, const char* name, int flags, mode_t mode) const noexcept override {
    const bool makes = (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE;
    return fails(makes) ? -1 : Disk::open_at(directory, name, flags, mode);
  }
  int make_directory_at(int directory, const char* name, mode_t mode) const noexcept override {
    return fails() ? -1 : Disk::make_directory_at(directory, name, mode);
  }
  int unlink_at(int directory, const char* name) const noexcept override {
    return fails(false) ? -1 : Disk::unlink_at(directory, name);
  }
  int link_at(int from, const char* name, int to, const char* new_name,
              int flags) const noexcept override {
    return fails() ? -1 : Disk::link_at(from, name, to, new_name, flags);
  }
  int rename_at(int from, const char* name, int to, const char* new_name,
                unsigned flags) const noexcept override {
    return fails() ? -1 : Disk::rename_at(from, name, to, new_name, flags);
  }
  int sync(int fd) const noexcept override {
    if (fails()) return -1;
    const int result = Disk::sync(fd);
    if (result == 0) remember(fd);
    return result;
  }
  ssize_t write(int fd, const std::byte* data, std::size_t size,
                off_t offset) const noexcept override {
    return fails() ? -1 : Disk::write(fd, data, size, offset);
  }
  int truncate(int fd, off_t size) const noexcept override {
    return fails(size > 0) ? -1 : Disk::truncate(fd, size);
  }
  int allocate(int fd, int mode, off_t offset, off_t size) const noexcept override {
    return fails() ? -1 : Disk::allocate(fd, mode, offset, size);
  }
  int lock(int fd, int operation) const noexcept override {
    return fails(false) ? -1 : Disk::lock(fd, operation);
  }

 private:
  struct Entry {
    ino_t inode = 0;
    bool is_folder = false;
  };
  using Names = std::map<std::string, Entry>;

  /// Counts a change; true, and errno is set, if it is to fail. A full disk still takes what needs
  /// no room.
  bool fails(bool needs_room = true) const noexcept {
    const int number = ++changes_;
    if (fault_.kind == DiskFault::Kind::none || number < fault_.at) return false;
    if (fault_.kind == DiskFault::Kind::crash) crash();
    if (fault_.kind == DiskFault::Kind::once && number > fault_.at) return false;
    const bool full = fault_.error == ENOSPC && !needs_room;
    if (full) return false;
    errno = fault_.error;
    return true;
  }

  void remember_tree(const std::filesystem::path& folder) {
    if (!std::filesystem::exists(folder)) return;
    remember_path(folder);
    for (const auto& each : std::filesystem::recursive_directory_iterator(folder)) {
      remember_path(each.path());
    }
  }

  void remember_path(const std::filesystem::path& path) const {
    struct stat status{};
    if (::stat(path.c_str(), &status) != 0) return;
    const std::lock_guard lock(mutex_);
    if (S_ISDIR(status.st_mode)) {
      Names names;
      for (const auto& each : std::filesystem::directory_iterator(path)) {
        struct stat entry{};
        if (::lstat(each.path().c_str(), &entry) == 0) {
          names[each.path().filename()] = {.inode = entry.st_ino,
                                           .is_folder = S_ISDIR(entry.st_mode)};
        }
      }
      names_[status.st_ino] = names;
    } else {
      std::ifstream file(path, std::ios::binary);
      bytes_[status.st_ino] = {std::istreambuf_iterator<char>(file), {}};
    }
  }

  void remember(int fd) const { remember_path("/proc/self/fd/" + std::to_string(fd)); }

  /// What a power cut leaves of a folder that had the inode.
  void restore(const std::filesystem::path& folder, ino_t inode,
               std::map<ino_t, std::filesystem::path>& made) const {
    std::filesystem::create_directory(folder);
    const auto found = names_.find(inode);
    if (found == names_.end()) return;
    for (const auto& [name, entry] : found->second) {
      const auto path = folder / name;
      if (entry.is_folder) {
        restore(path, entry.inode, made);
      } else if (made.contains(entry.inode)) {
        std::filesystem::create_hard_link(made.at(entry.inode), path);
      } else {
        const auto bytes = bytes_.find(entry.inode);
        std::ofstream(path, std::ios::binary) << (bytes == bytes_.end() ? "" : bytes->second);
        made[entry.inode] = path;
      }
    }
  }

  [[noreturn]] void crash() const noexcept {
    const std::lock_guard lock(mutex_);
    for (const auto& folder : folders_) {
      struct stat status{};
      const bool known = ::stat(folder.c_str(), &status) == 0 && names_.contains(status.st_ino);
      std::filesystem::remove_all(folder);
      std::map<ino_t, std::filesystem::path> made;
      if (known) restore(folder, status.st_ino, made);
    }
    ::_exit(kCrashed);
  }

  const DiskFault fault_;
  const std::vector<std::filesystem::path> folders_;
  mutable std::atomic<int> changes_ = 0;
  mutable std::mutex mutex_;
  mutable std::map<ino_t, Names> names_;        // of folders, as they are durable
  mutable std::map<ino_t, std::string> bytes_;  // of files, likewise
};

}  // namespace glance::test
