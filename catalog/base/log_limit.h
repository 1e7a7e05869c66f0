// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "catalog/base/sync.h"

namespace glance {

/// How often one kind of line may come into a log. Without it, whoever can cause such a line fills
/// the disk. Safe for concurrent use.
class LogLimit {
 public:
  using Clock = std::chrono::steady_clock;

  /// At most `lines` in each `interval`; the first one begins it.
  LogLimit(std::uint64_t lines, Clock::duration interval) : lines_(lines), interval_(interval) {}

  /// Whether a line may come now: how many were kept back since the last one that might; nothing
  /// if this one is kept back, too.
  [[nodiscard]] std::optional<std::uint64_t> admit(Clock::time_point now = Clock::now())
      EXCLUDES(mutex_);

 private:
  const std::uint64_t lines_;
  const Clock::duration interval_;
  Mutex mutex_;  // a leaf
  Clock::time_point until_ GUARDED_BY(mutex_);
  std::uint64_t admitted_ GUARDED_BY(mutex_) = 0;  // of this interval
  std::uint64_t kept_back_ GUARDED_BY(mutex_) = 0;
};

/// What to put behind a line: ` (and 12 more since the last such line)`; empty for none.
[[nodiscard]] std::string and_more(std::uint64_t kept_back);

}  // namespace glance
