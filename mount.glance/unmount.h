// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include <sys/types.h>

namespace glance::mount_helper {

/// A file descriptor that closes itself.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept;
  Descriptor& operator=(Descriptor&& other) noexcept;
  ~Descriptor();

  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool is_open() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

/// A pidfd of the process; not open if that fails.
[[nodiscard]] Descriptor open_process(pid_t pid);

/// The glancefs daemons of this machine, seen from an unmount: which of them does it end, and
/// have they finished?
///
/// umount(2) returns as soon as the mount is gone; the daemon then still publishes what was
/// written last. Nothing in the system leads from a mount to its daemon on every kernel that we
/// support (`fuse_connection:` in fdinfo is younger than Debian 12). So this holds, from before
/// the unmount, a duplicate of each daemon's /dev/fuse: when the kernel has ended a connection,
/// poll(2) reports an error on it. That is exact, whatever else mounts, unmounts or keeps a
/// second mount of the same daemon (a bind mount, another namespace) at the same time, and needs
/// no help from the daemon. The duplicates of a daemon that dies meanwhile must go at once: they
/// keep its connection, and so everybody who waits for it. Needs the rights of ptrace(2) over the
/// daemon: those of others are not seen, and not waited for.
///
/// One thread.
class Daemons {
 public:
  /// Takes hold of all running daemons that have a live connection.
  static Daemons find();

  /// Waits for the process behind `child`, a pidfd, and lets go of daemons that die meanwhile.
  void watch(int child);

  /// Forgets those whose connection is still alive. Call it after the unmount.
  void keep_ended();

  /// Waits until all that are left have exited, or until `limit` has passed.
  [[nodiscard]] bool wait(std::chrono::milliseconds limit) const;

  /// Process ids, for messages: "123, 456"; empty when there are none.
  [[nodiscard]] std::string names() const;

 private:
  struct Daemon {
    pid_t pid = 0;
    Descriptor process;     // a pidfd
    Descriptor connection;  // its /dev/fuse
  };

  static bool hold(pid_t pid, Daemon& daemon);

  std::vector<Daemon> daemons_;
};

}  // namespace glance::mount_helper
