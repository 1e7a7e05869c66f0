// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "catalog/os/unique_fd.h"
#include "fusefs/daemon/mount_table.h"

namespace glance::fs {

/// The mount namespace that `mount -N` names (mount_namespaces(7)). Only the mount is made there;
/// catalog, libraries and log stay those of the daemon's own, which need not exist in the other.
///
/// One thread at a time.
class MountNamespace {
 public:
  /// The one that we are in.
  MountNamespace() = default;

  /// `name`: a process id or a file like /proc/PID/ns/mnt. Errors: StartFailure (no such
  /// namespace, or no right to enter it).
  explicit MountNamespace(const std::string& name);

  /// Does `work` there. Only the calling thread goes; its working directory is `/` afterwards.
  /// Errors: StartFailure; what `work` throws.
  void within(const std::function<void()>& work) const;

  /// What is mounted there. Asks no filesystem anything. Errors: StartFailure, io.
  [[nodiscard]] std::vector<MountedFilesystem> mount_table() const;

  /// Stops keeping the namespace alive: with its last process it goes away, and our mount with it.
  /// within() finds it through its processes from now on.
  void let_go() noexcept { fd_ = UniqueFd(); }

  [[nodiscard]] bool is_ours() const noexcept { return name_.empty(); }

 private:
  [[nodiscard]] UniqueFd open() const;

  std::string name_;
  UniqueFd fd_;
  std::filesystem::path identity_;  // what every link to it in /proc reads, "mnt:[4026532177]"
};

}  // namespace glance::fs
