// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "catalog/config/config.h"
#include "catalog/model/image.h"
#include "catalog/model/image_draft.h"

namespace glance::fs {

/// `overwrite=`: what it means to open an image's file for writing with O_TRUNC, as `cp` does with
/// a file that exists.
enum class Overwrite {
  refuse,   ///< EACCES: an image's data never change
  replace,  ///< write a new image, which takes the old one's place when it is published
};

/// `log_level=`: the least important lines that are still logged.
enum class LogLevel { debug, info, warning, error };

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
  Overwrite overwrite = Overwrite::refuse;
  /// What becomes of an image whose place a new one takes, by rename or `overwrite=`.
  Replaced replaced = Replaced::deleted;
  /// How long a closed editor's file (opened O_RDWR) waits to be opened again before it is
  /// published.
  std::chrono::seconds commit_linger{10};
  /// How long uploads may go on after the signal to end, before they are taken back.
  std::chrono::seconds drain{10};
  bool show_views = false;  ///< list .by-id, .by-tag and the digest files in the root
  LogLevel log_level = LogLevel::info;
  bool sloppy = false;              ///< mount -s: unknown options are passed over
  std::vector<std::string> kernel;  ///< passed on to FUSE: nosuid, noexec, …
};

/// What to mount where, and how.
struct Invocation {
  std::string spec;
  std::string directory;
  MountOptions options;
};

/// The options of a mount that nobody has set anything for: owned by the caller; made by root it is
/// open to all.
[[nodiscard]] MountOptions default_options(uid_t uid, gid_t gid);

/// Splits an option list at its commas; a double-quoted part may hold commas. Error: invalid (an
/// open quote).
[[nodiscard]] std::vector<std::string> split_options(const std::string& list);

/// Takes a list of `key` and `key=value` in; the last one of a key wins. `uid=` and `gid=` may name
/// users and groups: those are looked up. Error: invalid (names the option and what is allowed).
void apply_options(const std::vector<std::string>& list, MountOptions& options);

/// Takes the section [glancefs] of a configuration file in: the same keys; a flag is `key = true`
/// or false. Other keys are passed over, as everywhere in such files. Error: invalid (names file,
/// line, key and what is allowed).
void apply_settings(const std::map<std::string, Setting>& settings, MountOptions& options);

}  // namespace glance::fs
