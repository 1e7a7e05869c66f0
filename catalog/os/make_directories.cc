// SPDX-License-Identifier: Apache-2.0
#include "catalog/os/make_directories.h"

#include <cerrno>

#include <sys/stat.h>

#include "catalog/base/error.h"

namespace glance {

void make_directories(const std::filesystem::path& path) {
  constexpr mode_t kMode = 0750;
  std::filesystem::path so_far;
  for (const auto& part : std::filesystem::absolute(path).lexically_normal()) {
    so_far /= part;
    struct stat status{};
    if (::stat(so_far.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) continue;
    if (::mkdir(so_far.c_str(), kMode) != 0 && errno != EEXIST) {
      throw_errno(errno, "making the directory " + so_far.string());
    }
  }
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) throw_errno(errno, path.string());
  if (!S_ISDIR(status.st_mode)) throw_errno(ENOTDIR, path.string());
}

}  // namespace glance
