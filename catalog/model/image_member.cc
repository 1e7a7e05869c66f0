// SPDX-License-Identifier: Apache-2.0
#include "catalog/model/image_member.h"

namespace glance {

std::string_view to_string(MemberStatus status) noexcept {
  switch (status) {
    case MemberStatus::pending:
      return "pending";
    case MemberStatus::accepted:
      return "accepted";
    case MemberStatus::rejected:
      return "rejected";
  }
  return "unknown";
}

std::optional<MemberStatus> parse_member_status(std::string_view text) noexcept {
  for (const auto status :
       {MemberStatus::pending, MemberStatus::accepted, MemberStatus::rejected}) {
    if (text == to_string(status)) return status;
  }
  return std::nullopt;
}

}  // namespace glance
