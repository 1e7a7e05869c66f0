// SPDX-License-Identifier: Apache-2.0
#include "catalog/os/disk.h"

#include <cstdio>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

namespace glance {

const Disk& Disk::kernel() noexcept {
  static const Disk disk;
  return disk;
}

int Disk::open_at(int directory, const char* name, int flags, mode_t mode) const noexcept {
  return ::openat(directory, name, flags, mode);
}

int Disk::make_directory_at(int directory, const char* name, mode_t mode) const noexcept {
  return ::mkdirat(directory, name, mode);
}

int Disk::unlink_at(int directory, const char* name) const noexcept {
  return ::unlinkat(directory, name, 0);
}

int Disk::link_at(int from, const char* name, int to, const char* new_name,
                  int flags) const noexcept {
  return ::linkat(from, name, to, new_name, flags);
}

int Disk::rename_at(int from, const char* name, int to, const char* new_name,
                    unsigned flags) const noexcept {
  return ::renameat2(from, name, to, new_name, flags);
}

int Disk::sync(int fd) const noexcept {
  return ::fsync(fd);
}

int Disk::lock(int fd, int operation) const noexcept {
  return ::flock(fd, operation);
}

int Disk::change_owner(int fd, uid_t owner, gid_t group) const noexcept {
  return ::fchown(fd, owner, group);
}

int Disk::change_mode(int fd, mode_t mode) const noexcept {
  return ::fchmod(fd, mode);
}

int Disk::status(int fd, struct stat& status) const noexcept {
  return ::fstat(fd, &status);
}

int Disk::status_at(int directory, const char* name, struct stat& status,
                    int flags) const noexcept {
  return ::fstatat(directory, name, &status, flags);
}

int Disk::space(int fd, struct statvfs& status) const noexcept {
  return ::fstatvfs(fd, &status);
}

ssize_t Disk::read(int fd, std::byte* data, std::size_t size, off_t offset) const noexcept {
  return ::pread(fd, data, size, offset);
}

ssize_t Disk::write(int fd, const std::byte* data, std::size_t size, off_t offset) const noexcept {
  return ::pwrite(fd, data, size, offset);
}

ssize_t Disk::copy(int from, off_t& from_offset, int to, off_t& to_offset,
                   std::size_t size) const noexcept {
  return ::copy_file_range(from, &from_offset, to, &to_offset, size, 0);
}

int Disk::truncate(int fd, off_t size) const noexcept {
  return ::ftruncate(fd, size);
}

int Disk::allocate(int fd, int mode, off_t offset, off_t size) const noexcept {
  return ::fallocate(fd, mode, offset, size);
}

}  // namespace glance
