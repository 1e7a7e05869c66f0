// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <csignal>

#include "catalog/os/unique_fd.h"

namespace glance::fs {

/// The signals that ask to end: SIGTERM, SIGINT, SIGHUP. While this lives they interrupt nobody:
/// they wait to be taken. Must be made before the threads that shall be spared.
///
/// wait() and stop() are safe for concurrent use.
class EndSignals {
 public:
  /// Error: io, busy (no descriptors).
  EndSignals();
  ~EndSignals();
  EndSignals(const EndSignals&) = delete;
  EndSignals& operator=(const EndSignals&) = delete;

  enum class Event { signal, stopped, timeout };

  /// Waits until a signal comes, which is taken, or stop() was called, or (unless it is negative)
  /// until `limit` has passed.
  [[nodiscard]] Event wait(std::chrono::milliseconds limit) noexcept;

  /// The same, and `fd` becoming readable or closed ends it as stop() does.
  [[nodiscard]] Event wait_for_signal_or(int fd) noexcept;

  /// wait() returns `stopped` from now on.
  void stop() noexcept;

  /// From now on, and for the rest of the process's life, the signals mean nothing: who asks again
  /// has been heard.
  static void ignore() noexcept;

  /// Gives the calling thread its signals back; for a child process.
  void restore() const noexcept;

 private:
  [[nodiscard]] Event wait(int fd, std::chrono::milliseconds limit) noexcept;

  sigset_t before_{};
  UniqueFd signals_;
  UniqueFd stop_;
};

}  // namespace glance::fs
