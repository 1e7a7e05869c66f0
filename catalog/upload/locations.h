// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "catalog/database/database.h"
#include "catalog/model/caller.h"
#include "catalog/model/image_edit.h"
#include "catalog/upload/survey.h"

namespace glance {

struct Config;

/// The rules for locations that callers register, change and remove themselves (docs/image-api.md,
/// "Locations").
namespace locations {

/// Applies the edit to `image`, in memory, inside the transaction that reads and writes it. An
/// image without data becomes active by its first location, and takes its size from the store.
///
/// Only administrators may register `file://` locations, and only files that lie in the store's
/// own directory and belong to no other image: anything else would let a caller read, or by
/// deleting the image delete, what is not his. One file is one location, however its URL is
/// spelled: it is kept as the store spells it.
///
/// Errors: forbidden (locations are not shown, the last one, not an administrator), conflict (the
/// image's status, or digests that contradict it), invalid (position, location, a repetition,
/// formats not set, a URL or metadata that cannot be stored), over_quota (image_location_quota).
/// Asks `survey` for what the store has to say: call it inside of Survey::complete().
void apply(Session& sql, const Caller& caller, const LocationEdit& edit, const Config& config,
           Survey& survey, Image& image);

/// Takes away the location that lies in the store of that id. Errors: conflict (unknown store,
/// the image's status), forbidden (not an administrator, the only location), not_found (it has
/// none there).
void remove_from_store(const Caller& caller, const std::string& store_id, const Config& config,
                       Image& image);

}  // namespace locations

}  // namespace glance
