// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "catalog/database/database.h"
#include "catalog/model/caller.h"
#include "catalog/model/image_member.h"

namespace glance {

struct ImageLimits;

/// The rules of sharing images with projects (docs/image-api.md, "Members"); what Catalog's calls
/// of the same names do, inside the caller's transaction, with the errors that they list.
namespace sharing {

[[nodiscard]] std::vector<ImageMember> members(Session& sql, const Caller& caller,
                                               const ImageId& id);
[[nodiscard]] ImageMember member(Session& sql, const Caller& caller, const ImageId& id,
                                 const std::string& member);
ImageMember add_member(Session& sql, const Caller& caller, const ImageId& id,
                       const std::string& member, const ImageLimits& limits);
ImageMember set_member_status(Session& sql, const Caller& caller, const ImageId& id,
                              const std::string& member, MemberStatus status);
void remove_member(Session& sql, const Caller& caller, const ImageId& id,
                   const std::string& member);

}  // namespace sharing

}  // namespace glance
