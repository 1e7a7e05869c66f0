// SPDX-License-Identifier: Apache-2.0
#include "catalog/os/make_private.h"

#include <cerrno>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "catalog/base/error.h"
#include "catalog/os/unique_fd.h"

namespace glance {

namespace fs = std::filesystem;

namespace {

constexpr mode_t kFileMode = 0640;
constexpr mode_t kDirectoryMode = 0750;

/// What the umask took away comes back; a group that the parent hands on stays.
void set_mode(int fd, mode_t mode, const fs::path& path) {
  struct stat status{};
  if (::fstat(fd, &status) != 0) throw_errno(errno, "looking at " + path.string());
  const mode_t wanted = mode | (status.st_mode & S_ISGID);
  // Not ours: somebody has put it in the place of what we made.
  if (status.st_uid != ::geteuid() || (status.st_mode & 07777) == wanted) return;
  if (::fchmod(fd, wanted) != 0) throw_errno(errno, "chmod of " + path.string());
}

}  // namespace

void make_private_directories(const fs::path& path) {
  std::error_code ignored;  // mkdir(2) says why
  if (path.empty() || fs::is_directory(path, ignored)) return;
  make_private_directories(path.parent_path());
  if (!path.has_filename()) return;  // a slash at the end
  const auto what = [&] { return "making the directory " + path.string(); };
  if (::mkdir(path.c_str(), kDirectoryMode) != 0) {
    const int reason = errno;
    if (reason == EEXIST && fs::is_directory(path, ignored)) return;
    throw_errno(reason, what());
  }
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) throw_errno(errno, what());
  set_mode(fd.get(), kDirectoryMode, path);
}

void make_private_file(const fs::path& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, kFileMode));
  if (!fd && errno == EEXIST) return;
  if (!fd) throw_errno(errno, "making " + path.string());
  set_mode(fd.get(), kFileMode, path);
}

}  // namespace glance
