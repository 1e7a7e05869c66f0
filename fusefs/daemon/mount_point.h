// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <span>
#include <string>

#include "fusefs/daemon/mount_namespace.h"

namespace glance::fs {

/// The mount point as the mount table shows it: absolute, without symbolic links. A mount of ours
/// that is there but whose daemon died ("Transport endpoint is not connected") is taken away: on it
/// everything fails, a new mount too, and nothing is lost; programs that still have files open
/// there keep failing as before. Errors: not_found, forbidden and others of stat(2); invalid (not a
/// directory); StartFailure.
[[nodiscard]] std::string prepare_mount_point(const std::string& directory,
                                              const MountNamespace& name_space);

/// The same, but a dead mount stays and is an error.
[[nodiscard]] std::string check_mount_point(const std::string& directory,
                                            const MountNamespace& name_space);

/// Refuses to mount the same source on the same directory twice, as mount(8) does for devices.
/// What waits there to be mounted upon (autofs) does not count. Error: StartFailure.
void refuse_second_mount(const std::string& source, const std::string& directory,
                         const MountNamespace& name_space);

/// A catalog below its own mount point could be reached only through the mount itself, which would
/// wait for itself for ever; a mount point inside the store would be in the way of the data.
/// `places`: local_paths() of the catalog, which need not exist yet. Error: StartFailure.
void refuse_overlap(std::span<const std::filesystem::path> places, const std::string& directory);

}  // namespace glance::fs
