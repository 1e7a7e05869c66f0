// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <memory>
#include <string>

namespace glance {

/// The machine that a process runs on, as far as a test must be able to run on another one. Safe
/// for concurrent use.
class Machine {
 public:
  virtual ~Machine() = default;

  /// Tells one run of a kernel from all others, of the same machine too; containers share it
  /// (random(4), /proc/sys/kernel/random/boot_id). Error: io.
  [[nodiscard]] virtual std::string boot_id() const = 0;

  /// A clock that nobody sets, for what lies between two moments.
  [[nodiscard]] virtual std::chrono::steady_clock::time_point monotonic() const noexcept = 0;

  [[nodiscard]] static std::shared_ptr<const Machine> this_one();
};

}  // namespace glance
