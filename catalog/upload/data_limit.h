// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "catalog/database/database.h"

namespace glance {

struct Config;

/// How large an image's data may become: image_size_cap, and what user_storage_quota leaves its
/// project. As in Glance, every location of the project's images counts.
class DataLimit {
 public:
  /// image_size_cap alone: staged data count against no quota.
  static DataLimit of_cap(const Config& config);

  /// As things stand in the session's transaction; with no owner for the images that nobody owns.
  static DataLimit of(Session& sql, const Config& config, const std::optional<std::string>& owner);

  /// The `size` bytes at `offset` are to be. Errors: too_large, over_quota.
  void require(std::uint64_t offset, std::uint64_t size) const;

 private:
  std::uint64_t cap_ = 0;
  std::uint64_t quota_ = 0;  // 0: any
  std::uint64_t left_ = 0;   // of the quota
};

/// What is left of user_storage_quota, which must be set.
[[nodiscard]] std::uint64_t quota_left(Session& sql, const Config& config,
                                       const std::optional<std::string>& owner);

}  // namespace glance
