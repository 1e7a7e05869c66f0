// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace glance::fs {

/// How the kernel names our filesystem.
inline constexpr std::string_view kMountType = "fuse.glance";

/// A line of /proc/PID/mountinfo, its escapes undone.
struct MountedFilesystem {
  std::string point;
  std::string type;    ///< kMountType is ours; autofs waits for a mount to be made there
  std::string source;  ///< of ours: the SPEC
  dev_t device = 0;
};

/// The mounts in a text like that of mountinfo (proc(5)), the newest last; lines that are not like
/// it are left out.
[[nodiscard]] std::vector<MountedFilesystem> parse_mount_table(std::string_view text);

/// What a program sees at `point`: of several mounts on it, the newest. Nothing if none is there.
[[nodiscard]] std::optional<MountedFilesystem> topmost_mount(
    const std::vector<MountedFilesystem>& table, std::string_view point);

}  // namespace glance::fs
