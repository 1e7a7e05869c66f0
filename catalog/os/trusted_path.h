// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>

#include <sys/types.h>

#include "catalog/os/directory.h"

namespace glance {

/// Whom a path may belong to: root and ourselves always, and who else is named here.
struct Trust {
  std::optional<uid_t> owner;
  std::optional<gid_t> group;  ///< may write to the directory, too, as our own group may
};

/// Opens a directory whose path nobody but trusted users can have led elsewhere: every directory
/// and every symbolic link on the way is theirs, and nobody else may write there (but in a
/// directory with the sticky bit, such as /tmp, where names belong to who has made them). The
/// directory itself nobody else may write to at all. With `create` what is missing is made, mode
/// 0750.
///
/// Errors: unavailable, naming what is wrong and what is allowed; also those of Directory.
[[nodiscard]] Directory open_trusted(const std::filesystem::path& path, const Trust& trust,
                                     bool create, const Disk& disk = Disk::kernel());

}  // namespace glance
