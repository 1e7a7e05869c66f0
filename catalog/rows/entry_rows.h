// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <span>
#include <vector>

#include "catalog/database/database.h"
#include "catalog/model/digests.h"
#include "catalog/model/image.h"
#include "catalog/model/image_entry.h"

/// Rows of Glance's tables → what the mount's directories show. Every function works inside the
/// caller's transaction.
namespace glance::rows {

/// Directory entries: of all images that are shown, or of `ids`.
[[nodiscard]] std::vector<ImageEntry> select_entries(Session& sql);
[[nodiscard]] std::vector<ImageEntry> select_entries(Session& sql, std::span<const ImageId> ids);

/// The recorded digests, of deleted images too.
[[nodiscard]] std::map<ImageId, Digests> select_digests(Session& sql, std::span<const ImageId> ids);

void upsert_data_time(Session& sql, const ImageId& id, Timestamp time);

}  // namespace glance::rows
