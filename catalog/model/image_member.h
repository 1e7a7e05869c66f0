// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "catalog/model/image.h"

namespace glance {

/// What a project answered to an image that is shared with it. Only accepted ones are in its
/// default list; all of them are open to it by id.
enum class MemberStatus { pending, accepted, rejected };

[[nodiscard]] std::string_view to_string(MemberStatus status) noexcept;
[[nodiscard]] std::optional<MemberStatus> parse_member_status(std::string_view text) noexcept;

/// A project that an image is shared with.
struct ImageMember {
  ImageId image_id;
  std::string member;  ///< the project's id
  MemberStatus status = MemberStatus::pending;
  Timestamp created_at;
  Timestamp updated_at;
};

}  // namespace glance
