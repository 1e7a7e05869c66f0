// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "catalog/database/database.h"
#include "catalog/model/image.h"

/// Rows of glancefs_stagings: images whose data are on their way into the staging area, and who
/// brings them. Every function works inside the caller's transaction.
namespace glance::rows {

void insert_staging(Session& sql, const ImageId& id, const std::string& instance, Timestamp when);

/// Absent is success.
void delete_staging(Session& sql, const ImageId& id);

/// The instance that stages the image's data; nothing if none has said so.
[[nodiscard]] std::optional<std::string> select_staging_instance(Session& sql, const ImageId& id);

[[nodiscard]] std::vector<ImageId> select_stagings(Session& sql);

}  // namespace glance::rows
