// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>

#include <signal.h>

#include "catalog/os/unique_fd.h"

namespace glance::tool {

/// A signal asked the command to end. Not an Error: nothing failed, and main() ends as the signal
/// wants it.
struct Interrupted {
  int signal;
};

/// Turns SIGINT, SIGTERM and SIGHUP into an exception, thrown where the command asks, so that
/// destructors can take back what was begun. While it lives the signals wait; those that were
/// ignored when it was made (nohup, a shell's background jobs) stay ignored. To be made by the
/// only thread, before others start: they inherit the mask.
class Interruption {
 public:
  Interruption();
  ~Interruption();
  Interruption(const Interruption&) = delete;
  Interruption& operator=(const Interruption&) = delete;

  /// Throws Interrupted if a signal has come.
  void check() const;

  /// Blocks until `fd` can be read, or has ended. Throws Interrupted.
  void wait_readable(int fd) const;

  /// Throws Interrupted.
  void sleep(std::chrono::nanoseconds duration) const;

 private:
  void consume() const;

  ::sigset_t before_{};
  UniqueFd signals_;
};

}  // namespace glance::tool
