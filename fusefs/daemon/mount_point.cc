// SPDX-License-Identifier: Apache-2.0
#include "fusefs/daemon/mount_point.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <system_error>

#include <fmt/format.h>
#include <spawn.h>
#include <sys/mount.h>
#include <sys/statfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "catalog/base/error.h"
#include "fusefs/daemon/mount_table.h"
#include "fusefs/daemon/start_failure.h"

namespace glance::fs {
namespace {

/// Whether what is mounted there is ours, and its daemon is no more. Only ours are asked: a
/// question to an autofs would make it mount, and wait for us. (ECONNABORTED: the daemon is dying
/// now.)
bool is_dead_mount(const std::string& point, const MountNamespace& name_space) {
  const auto top = topmost_mount(name_space.mount_table(), point);
  if (!top || top->type != kMountType) return false;
  bool dead = false;
  name_space.within([&] {
    struct statfs status{};  // unlike stat(2), it is not answered from the kernel's cache
    dead = ::statfs(point.c_str(), &status) != 0 && (errno == ENOTCONN || errno == ECONNABORTED);
  });
  return dead;
}

/// umount(2) is root's; for others fusermount3 does it, and looks whose mount it is.
bool run_fusermount(const std::string& point) {
  std::array<std::string, 6> words = {"fusermount3", "-u", "-z", "-q", "--", point};
  std::array<char*, 7> arguments{};
  std::ranges::transform(words, arguments.begin(), [](std::string& word) { return word.data(); });
  pid_t child = 0;
  if (::posix_spawnp(&child, "fusermount3", nullptr, nullptr, arguments.data(), environ) != 0) {
    return false;
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return false;
  }
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

void clear_dead_mount(const std::string& point, const MountNamespace& name_space) {
  while (is_dead_mount(point, name_space)) {
    bool cleared = false;
    name_space.within([&] {
      cleared =
          ::umount2(point.c_str(), MNT_DETACH) == 0 || (::geteuid() != 0 && run_fusermount(point));
    });
    if (!cleared) {
      throw StartFailure(ExitCode::mount,
                         fmt::format("{} is a mount whose daemon died, and it cannot be unmounted; "
                                     "as root: umount -l {}",
                                     point, point));
    }
  }
}

/// realpath(3): of a dead mount, too.
std::string canonical(const std::string& directory, const MountNamespace& name_space) {
  std::string path;
  name_space.within([&] {
    std::error_code error;
    path = std::filesystem::canonical(directory, error);
    if (error) throw_errno(error.value(), "mount point " + directory);
  });
  return path;
}

void require_directory(const std::string& point, const MountNamespace& name_space) {
  name_space.within([&] {
    std::error_code error;
    const bool is_directory = std::filesystem::is_directory(point, error);
    if (error) throw_errno(error.value(), "mount point " + point);
    if (!is_directory) throw Error(Errc::invalid, "mount point " + point + " is not a directory");
  });
}

bool lies_in(const std::filesystem::path& inner, const std::filesystem::path& outer) {
  return std::ranges::mismatch(outer, inner).in1 == outer.end();
}

}  // namespace

std::string check_mount_point(const std::string& directory, const MountNamespace& name_space) {
  std::string point = canonical(directory, name_space);
  require_directory(point, name_space);
  return point;
}

std::string prepare_mount_point(const std::string& directory, const MountNamespace& name_space) {
  std::string point = canonical(directory, name_space);
  clear_dead_mount(point, name_space);
  require_directory(point, name_space);
  return point;
}

void refuse_second_mount(const std::string& source, const std::string& directory,
                         const MountNamespace& name_space) {
  const auto top = topmost_mount(name_space.mount_table(), directory);
  if (top && top->type == kMountType && top->source == source) {
    throw StartFailure(ExitCode::mount, source + " is already mounted on " + directory);
  }
}

void refuse_overlap(std::span<const std::filesystem::path> places, const std::string& directory) {
  for (const auto& place : places) {
    std::error_code error;
    const auto real = std::filesystem::weakly_canonical(place, error);
    if (error) throw_errno(error.value(), place.string());
    if (lies_in(real, directory)) {
      throw StartFailure(ExitCode::mount, real.string() + " lies inside the mount point " +
                                              directory + ": the mount would hide its own catalog");
    }
    if (lies_in(directory, real)) {
      throw StartFailure(ExitCode::mount, "the mount point " + directory +
                                              " lies inside the store " + real.string());
    }
  }
}

}  // namespace glance::fs
