// SPDX-License-Identifier: Apache-2.0
#include "catalog/base/log_limit.h"

#include <utility>

#include <fmt/format.h>

namespace glance {

std::optional<std::uint64_t> LogLimit::admit(Clock::time_point now) {
  const MutexLock lock(mutex_);
  if (now >= until_) {
    until_ = now + interval_;
    admitted_ = 0;
  }
  if (admitted_ >= lines_) {
    ++kept_back_;
    return std::nullopt;
  }
  ++admitted_;
  return std::exchange(kept_back_, 0);
}

std::string and_more(std::uint64_t kept_back) {
  if (kept_back == 0) return {};
  return fmt::format(" (and {} more since the last such line)", kept_back);
}

}  // namespace glance
