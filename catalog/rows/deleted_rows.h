// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "catalog/database/database.h"
#include "catalog/model/image.h"

/// Rows of images that are deleted: Glance keeps them. Every function works inside the caller's
/// transaction.
namespace glance::rows {

/// The image with that id if it is deleted; without tags and the like, which went with it.
[[nodiscard]] std::optional<Image> select_deleted_image(Session& sql, const ImageId& id);

/// Whether it was a member of a deleted image when that was deleted.
[[nodiscard]] bool was_member(Session& sql, const ImageId& id, const std::string& member);

}  // namespace glance::rows
