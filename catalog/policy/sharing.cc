// SPDX-License-Identifier: Apache-2.0
#include "catalog/policy/sharing.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "catalog/config/config.h"
#include "catalog/model/stored_text.h"
#include "catalog/policy/access.h"
#include "catalog/policy/policy.h"
#include "catalog/rows/member_rows.h"
#include "catalog/text/utf8.h"

namespace glance::sharing {

namespace {

/// The image, if it is one that can have members. The refusal tells the caller nothing that he
/// does not know: he sees the image.
Image require_shared(Session& sql, const Caller& caller, const ImageId& id, std::string_view what) {
  auto image = require_visible(sql, caller, id);
  if (image.visibility != Visibility::shared) {
    throw Error(Errc::forbidden, fmt::format("Not allowed to {} members for image {}: Only shared "
                                             "images have members.",
                                             what, id.text()));
  }
  return image;
}

Error not_allowed(std::string_view what, const ImageId& id) {
  return {Errc::forbidden, fmt::format("Not allowed to {} members for image {}.", what, id.text())};
}

Error no_such_member(const std::string& member, const ImageId& id) {
  return {Errc::not_found,
          fmt::format("{} not found in the member list of the image {}.", member, id.text())};
}

/// Who may change the image sees all its members, a member only itself.
bool may_see_member(const Caller& caller, const Image& image, const std::string& member) {
  return may_modify(caller, image) || caller.project == member;
}

ImageMember require_member(Session& sql, const Caller& caller, const Image& image,
                           const std::string& member) {
  auto found = rows::select_member(sql, image.id, member);
  if (!found || !may_see_member(caller, image, member)) throw no_such_member(member, image.id);
  return *std::move(found);
}

void check_member_id(const std::string& member) {
  if (member.empty()) throw Error(Errc::invalid, "Member can't be empty");
  if (const auto fault = fault_of_short_text(member)) {
    throw Error(Errc::invalid, "Member " + *fault);
  }
  if (has_non_bmp(member)) {
    throw Error(Errc::invalid, "Param values can't contain 4 byte unicode.");
  }
}

void check_quota(Session& sql, const ImageId& id, std::int64_t quota) {
  if (quota < 0) return;
  const auto attempted = rows::count_members(sql, id) + 1;
  if (std::cmp_less_equal(attempted, quota)) return;
  throw Error(Errc::over_quota,
              fmt::format("Image member limit exceeded for image {0}: The limit has been exceeded "
                          "on the number of allowed image members for this image. Attempted: {1}, "
                          "Maximum: {2}:",
                          id.text(), attempted, quota));
}

}  // namespace

std::vector<ImageMember> members(Session& sql, const Caller& caller, const ImageId& id) {
  const auto image = require_shared(sql, caller, id, "list");
  auto all = rows::select_members(sql, id);
  std::erase_if(
      all, [&](const ImageMember& each) { return !may_see_member(caller, image, each.member); });
  return all;
}

ImageMember member(Session& sql, const Caller& caller, const ImageId& id,
                   const std::string& member) {
  const auto image = require_visible(sql, caller, id);
  if (image.visibility != Visibility::shared) {
    throw Error(Errc::not_found, "Only shared images have members.");
  }
  return require_member(sql, caller, image, member);
}

ImageMember add_member(Session& sql, const Caller& caller, const ImageId& id,
                       const std::string& member, const ImageLimits& limits) {
  check_member_id(member);
  const auto image = require_shared(sql, caller, id, "create");
  if (!may_modify(caller, image)) throw not_allowed("create", id);
  if (rows::select_member(sql, id, member)) {
    throw Error(Errc::exists,
                fmt::format("Member {} is duplicated for image {}", member, id.text()));
  }
  check_quota(sql, id, limits.image_member_quota);
  const Timestamp when = now();
  const ImageMember added{.image_id = id,
                          .member = member,
                          .status = MemberStatus::pending,
                          .created_at = when,
                          .updated_at = when};
  rows::insert_member(sql, added);
  return added;
}

ImageMember set_member_status(Session& sql, const Caller& caller, const ImageId& id,
                              const std::string& member, MemberStatus status) {
  const auto image = require_shared(sql, caller, id, "update");
  auto found = require_member(sql, caller, image, member);
  // The owner offers; taking the offer is the member's.
  if (!caller.is_admin && caller.project != member) throw not_allowed("update", id);
  found.status = status;
  found.updated_at = now();
  rows::update_member(sql, found);
  return found;
}

void remove_member(Session& sql, const Caller& caller, const ImageId& id,
                   const std::string& member) {
  const auto image = require_shared(sql, caller, id, "delete");
  const auto found = require_member(sql, caller, image, member);
  if (!may_modify(caller, image)) throw not_allowed("delete", id);
  rows::delete_member(sql, found, now());
}

}  // namespace glance::sharing
