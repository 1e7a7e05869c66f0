// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "catalog/database/database.h"
#include "catalog/model/image_member.h"

/// Rows of image_members. Every function works inside the caller's transaction and leaves rows as
/// Glance itself would.
namespace glance::rows {

/// The image's members, in the order in which they were added.
[[nodiscard]] std::vector<ImageMember> select_members(Session& sql, const ImageId& id);

[[nodiscard]] std::optional<ImageMember> select_member(Session& sql, const ImageId& id,
                                                       const std::string& member);

[[nodiscard]] std::size_t count_members(Session& sql, const ImageId& id);

/// The member must not be there yet. One that was removed once takes its old row again.
void insert_member(Session& sql, const ImageMember& member);

/// Writes the status and updated_at.
void update_member(Session& sql, const ImageMember& member);

void delete_member(Session& sql, const ImageMember& member, Timestamp when);

}  // namespace glance::rows
