// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>

namespace glance::api {

/// Whether a body moves fast enough: in every window of waiting for the peer `rate` bytes a second
/// must come in the mean, and one at least. Time that we spend on something else does not count,
/// so that a slow disk is nobody's fault. A value; used by one thread at a time.
class BodyPace {
 public:
  using Time = std::chrono::nanoseconds;

  BodyPace(Time window, std::uint64_t rate) noexcept
      : window_(window), quota_(quota_of(window, rate)), left_(window), missing_(quota_) {}

  /// How long the next byte may take.
  [[nodiscard]] Time patience() const noexcept { return left_; }

  /// That many bytes have moved after that much waiting.
  void moved(std::uint64_t bytes, Time waited) noexcept {
    if (bytes >= missing_) {
      left_ = window_;
      missing_ = quota_;
      return;
    }
    missing_ -= bytes;
    left_ = waited < left_ ? left_ - waited : Time::zero();
  }

 private:
  static std::uint64_t quota_of(Time window, std::uint64_t rate) noexcept {
    const std::chrono::duration<double> seconds = window;
    const auto bytes = static_cast<std::uint64_t>(seconds.count() * static_cast<double>(rate));
    return bytes > 0 ? bytes : 1;
  }

  Time window_;
  std::uint64_t quota_;    // bytes a window
  Time left_;              // of the present window
  std::uint64_t missing_;  // bytes that must come within it
};

}  // namespace glance::api
