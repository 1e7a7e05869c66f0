// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "catalog/database/database.h"
#include "catalog/model/changes.h"

namespace glance {

/// The feed over glancefs_changes, beginning now. `database` must outlive it.
[[nodiscard]] std::unique_ptr<ChangeFeed> open_change_feed(Database& database);

/// Drops old entries. A reader that has not seen them yet is told to look at everything again.
void prune_changes(Database& database);

}  // namespace glance
