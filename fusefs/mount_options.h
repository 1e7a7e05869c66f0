// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "catalog/image.h"

namespace glance::fs {

/// What `-o` says.
struct MountOptions {
  bool create = false;     ///< make the catalog if there is none
  bool read_only = false;  ///< ro
  bool allow_other = false;
  uid_t uid = 0;
  gid_t gid = 0;
  mode_t umask = 022;
  std::optional<std::string> owner;            ///< project that new images belong to
  Visibility visibility = Visibility::shared;  ///< of new images
  bool sloppy = false;                         ///< mount -s: unknown options are passed over
  std::vector<std::string> kernel;             ///< passed on to FUSE: nosuid, noexec, …
};

/// What the command line says.
struct Invocation {
  std::string spec;
  std::string directory;
  MountOptions options;
  bool foreground = false;
};

/// The options of a mount that nobody has set anything for: owned by the caller; made by root it is
/// open to all.
[[nodiscard]] MountOptions default_options(uid_t uid, gid_t gid);

/// Splits an option list at its commas; a double-quoted part may hold commas. Error: invalid (an
/// open quote).
[[nodiscard]] std::vector<std::string> split_options(const std::string& list);

/// Takes a list of `key` and `key=value` in; the last one of a key wins. Error: invalid (names the
/// option and what is allowed).
void apply_options(const std::vector<std::string>& list, MountOptions& options);

}  // namespace glance::fs
