// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "catalog/database/database.h"
#include "catalog/model/image.h"

/// What a check of the whole catalog asks the database. Works inside the caller's transaction.
namespace glance::rows {

/// What the engine finds wrong with its own file, at most a hundred lines; empty if nothing.
/// Takes time by the database's size. Error: corrupt, if the damage stops the examination.
[[nodiscard]] std::vector<std::string> integrity_faults(Session& sql);

/// Images that have data: active and deactivated ones.
[[nodiscard]] std::vector<ImageId> select_stored_ids(Session& sql);

/// Every location whose data the database answers for: images', those that wait for Glance's
/// scrubber (delayed_delete), and garbage.
[[nodiscard]] std::vector<std::string> select_owned_urls(Session& sql);

/// Images whose data may be on their way: our uploads, of any host, and a real Glance's.
[[nodiscard]] std::vector<std::string> select_ids_in_work(Session& sql);

}  // namespace glance::rows
