// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include <sys/types.h>

#include "catalog/os/unique_fd.h"

namespace glance::fs {

/// Questions to /proc about the processes that use the mount. A FUSE request carries the id of
/// the thread that made the system call; here it becomes a process.

/// The process (Tgid) of a thread; nothing if it is gone or not visible.
[[nodiscard]] std::optional<pid_t> process_of(pid_t thread) noexcept;

/// If the thread is on its way out (PF_EXITING), the code that its process exits with: 0, a
/// signal's number, or status << 8 (proc(5), fields 9 and 52). Nothing if it lives on or cannot
/// be asked.
[[nodiscard]] std::optional<int> exit_code(pid_t thread) noexcept;

/// A pidfd of the process; invalid if it is gone or cannot be watched.
[[nodiscard]] UniqueFd open_process(pid_t process) noexcept;

/// Whether the process behind a pidfd has exited. Never blocks.
[[nodiscard]] bool has_exited(int process_fd) noexcept;

/// Whether the process has another descriptor of the file with this inode number on a mount of
/// the filesystem `device` (st_dev). Nothing if it cannot be told. Looks at fdinfo only: a stat
/// would come back to us.
[[nodiscard]] std::optional<bool> has_descriptor(pid_t process, std::uint64_t inode,
                                                 dev_t device) noexcept;

}  // namespace glance::fs
