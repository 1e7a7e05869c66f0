// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/types.h>

namespace glance {

/// The system calls by which the catalog changes and reads files: each answers as the call of its
/// name does, -1 and errno included. Directory and File go through it, and nothing of the spool,
/// the stores, staging or recovery goes around them: a test's version fails the Nth call, runs
/// full, or forgets what was not synced.
///
/// Stateless, safe for concurrent use.
class Disk {
 public:
  virtual ~Disk() = default;

  /// The kernel's.
  [[nodiscard]] static const Disk& kernel() noexcept;

  // ── names ─────────────────────────────────────────────────────────────────────────────────

  virtual int open_at(int directory, const char* name, int flags, mode_t mode) const noexcept;
  virtual int make_directory_at(int directory, const char* name, mode_t mode) const noexcept;
  virtual int unlink_at(int directory, const char* name) const noexcept;
  virtual int link_at(int from, const char* name, int to, const char* new_name,
                      int flags) const noexcept;
  virtual int rename_at(int from, const char* name, int to, const char* new_name,
                        unsigned flags) const noexcept;

  // ── what a descriptor means ───────────────────────────────────────────────────────────────

  virtual int sync(int fd) const noexcept;
  virtual int lock(int fd, int operation) const noexcept;
  virtual int change_owner(int fd, uid_t owner, gid_t group) const noexcept;
  virtual int change_mode(int fd, mode_t mode) const noexcept;
  virtual int status(int fd, struct stat& status) const noexcept;
  virtual int status_at(int directory, const char* name, struct stat& status,
                        int flags) const noexcept;
  virtual int space(int fd, struct statvfs& status) const noexcept;

  // ── bytes ─────────────────────────────────────────────────────────────────────────────────

  virtual ssize_t read(int fd, std::byte* data, std::size_t size, off_t offset) const noexcept;
  virtual ssize_t write(int fd, const std::byte* data, std::size_t size,
                        off_t offset) const noexcept;
  virtual ssize_t copy(int from, off_t& from_offset, int to, off_t& to_offset,
                       std::size_t size) const noexcept;
  virtual int truncate(int fd, off_t size) const noexcept;
  virtual int allocate(int fd, int mode, off_t offset, off_t size) const noexcept;
};

}  // namespace glance
