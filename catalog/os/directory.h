// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <sys/stat.h>

#include "catalog/os/disk.h"
#include "catalog/os/file.h"
#include "catalog/os/unique_fd.h"

namespace glance {

/// A directory that we hold open. What is in it is reached by single name components only, and no
/// symbolic link is followed: whatever others do to the path that led here, or put into it, we
/// work in this directory and nowhere else.
///
/// Owns the descriptor. Immutable and safe for concurrent use. Errors of all calls: unavailable
/// (it is gone or closed to us), invalid (a name that is no single component), no_space,
/// over_quota, read_only, busy (no descriptors left), io.
class Directory {
 public:
  /// Opens what the path leads to now, through links: an operator's word. Errors: also not_found
  /// (names the path), invalid (no directory).
  explicit Directory(const std::filesystem::path& path, const Disk& disk = Disk::kernel());

  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
  [[nodiscard]] const Disk& disk() const noexcept { return *disk_; }
  [[nodiscard]] struct stat status() const;
  [[nodiscard]] FileIdentity identity() const;
  [[nodiscard]] struct statvfs space() const;

  // ── directories in it ─────────────────────────────────────────────────────────────────────

  /// Nothing if there is none of that name.
  [[nodiscard]] std::optional<Directory> find_directory(const std::string& name) const;

  /// Makes it where it is missing, durably, owned as this one is as far as we may. One that is
  /// there already is taken as it is.
  [[nodiscard]] Directory make_directory(const std::string& name, mode_t mode) const;

  // ── files in it ───────────────────────────────────────────────────────────────────────────

  /// Opens a regular file with `flags`; nothing if there is none of that name. Never waits for a
  /// FIFO's other end. Errors: also not_found (it is no regular file).
  [[nodiscard]] std::optional<File> find_file(const std::string& name, int flags) const;

  /// Makes and opens it for reading and writing; nothing if the name is taken.
  [[nodiscard]] std::optional<File> make_file(const std::string& name, mode_t mode) const;

  /// A file without a name. Nothing where the filesystem knows no such thing.
  [[nodiscard]] std::optional<File> make_unnamed_file(mode_t mode) const;

  /// Gives a file that make_unnamed_file() has made a name; false if that is taken.
  [[nodiscard]] bool name_file(const File& file, const std::string& name) const;

  /// Gives the file `name` one more name in `target`; false if that is taken. Errors: also
  /// unsupported (the filesystem knows no links, or `target` lies on another one).
  [[nodiscard]] bool link(const std::string& name, const Directory& target,
                          const std::string& new_name) const;

  /// Moves the file `name` to `target`, and never over another one: false if the name is taken.
  /// Where the filesystem knows no RENAME_NOREPLACE (NFS, CephFS, sshfs, …) it has both names for
  /// a moment. Errors: as link().
  [[nodiscard]] bool rename_new(const std::string& name, const Directory& target,
                                const std::string& new_name) const;

  /// False if there is none of that name.
  bool remove_file(const std::string& name) const;

  /// What the name means, links not followed; nothing if it means nothing.
  [[nodiscard]] std::optional<struct stat> status_of(const std::string& name) const;

  /// Where the symbolic link of that name leads. Errors: also io (it is none).
  [[nodiscard]] std::filesystem::path read_link(const std::string& name) const;

  /// Whether the name still means that open file.
  [[nodiscard]] bool names(const std::string& name, const File& file) const;

  /// Calls `entry(name)` for everything that is there, in no order, but `.` and `..`.
  void for_each(const std::function<void(const std::string&)>& entry) const;

  /// What was made, linked and removed here is durable on return.
  void sync() const;

 private:
  Directory(UniqueFd fd, std::filesystem::path path, const Disk& disk)
      : fd_(std::move(fd)), path_(std::move(path)), disk_(&disk) {}

  [[nodiscard]] std::string full_name(const std::string& name) const;

  UniqueFd fd_;
  std::filesystem::path path_;  // for messages
  const Disk* disk_;
};

using DirectoryPtr = std::shared_ptr<const Directory>;

}  // namespace glance
