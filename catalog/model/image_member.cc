// SPDX-License-Identifier: Apache-2.0
#include "catalog/model/image_member.h"

#include "catalog/text/word_table.h"

namespace glance {
namespace {

constexpr WordTable<MemberStatus, 3> kStatusNames = {{
    {MemberStatus::pending, "pending"},
    {MemberStatus::accepted, "accepted"},
    {MemberStatus::rejected, "rejected"},
}};

}  // namespace

std::string_view to_string(MemberStatus status) noexcept {
  return word_of(kStatusNames, status);
}

std::optional<MemberStatus> parse_member_status(std::string_view text) noexcept {
  return value_of(kStatusNames, text);
}

}  // namespace glance
