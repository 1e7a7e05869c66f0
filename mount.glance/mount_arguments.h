// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace glance::mount_helper {

/// The call cannot be understood; `what()` is one line for the user. Exit code 1, as mount(8) has
/// it.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

enum class Task {
  mount,    ///< run glancefs, then note that the mount has an unmount helper
  check,    ///< mount -f: have glancefs look whether it could mount, and do nothing
  remount,  ///< run mount -i: the kernel alone changes the flags
  nothing,  ///< mount -f of a remount
  unmount,  ///< run umount -i, then wait for the daemon
  help,
  version,
};

/// What one call of the helper shall do.
struct Plan {
  Task task = Task::help;
  /// The command to run, its bare name first: `glancefs`, `mount` or `umount`.
  std::vector<std::string> command;
  std::string directory;
  /// The command that notes the unmount helper, of a mount; else empty.
  std::vector<std::string> note;
  bool verbose = false;
};

/// Translates a call by mount(8) or umount(8) (their manuals, "External helpers"). Pure: nothing
/// is looked up. `program` is argv[0]: under a name that begins with `umount.` the helper
/// unmounts. Throws UsageError.
[[nodiscard]] Plan make_plan(std::string_view program, std::span<const std::string> arguments);

/// Splits a list of mount options at its commas, as mount(8) and glancefs do: a value in double
/// quotes may hold commas. The quotes stay. Throws UsageError for an open one.
[[nodiscard]] std::vector<std::string> split_options(std::string_view text);

}  // namespace glance::mount_helper
