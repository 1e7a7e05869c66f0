// SPDX-License-Identifier: Apache-2.0
#include "catalog/upload/data_limit.h"

#include <algorithm>

#include <fmt/format.h>

#include "catalog/base/error.h"
#include "catalog/config/config.h"
#include "catalog/rows/location_rows.h"

namespace glance {

std::uint64_t quota_left(Session& sql, const Config& config,
                         const std::optional<std::string>& owner) {
  const std::uint64_t quota = config.user_storage_quota;
  return quota - std::min(quota, rows::sum_stored_bytes(sql, owner));
}

DataLimit DataLimit::of_cap(const Config& config) {
  DataLimit limit;
  limit.cap_ = config.limits.image_size_cap;
  return limit;
}

DataLimit DataLimit::of(Session& sql, const Config& config,
                        const std::optional<std::string>& owner) {
  DataLimit limit = of_cap(config);
  limit.quota_ = config.user_storage_quota;
  if (limit.quota_ > 0) limit.left_ = quota_left(sql, config, owner);
  return limit;
}

void DataLimit::require(std::uint64_t offset, std::uint64_t size) const {
  const auto fits = [&](std::uint64_t limit) { return size <= limit && offset <= limit - size; };
  if (!fits(cap_)) {
    throw Error(Errc::too_large,
                fmt::format("the image exceeds the limit of {} bytes (image_size_cap)", cap_));
  }
  if (quota_ > 0 && !fits(left_)) {
    throw Error(Errc::over_quota,
                fmt::format("the image exceeds the {} bytes that the quota of {} bytes leaves its "
                            "project (user_storage_quota)",
                            left_, quota_));
  }
}

}  // namespace glance
