// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "catalog/database/database.h"
#include "catalog/store/stores.h"
#include "catalog/upload/survey.h"

namespace glance {

/// Whether some image has its data at that place, however its location spells it.
[[nodiscard]] bool is_location(Session& sql, Survey& survey, const std::string& url);

/// Whether the data at that place are to be removed.
[[nodiscard]] bool is_garbage(Session& sql, Survey& survey, const std::string& url);

/// Told of data that cannot be removed.
using RemovalFailure = std::function<void(const Error&)>;

/// Removes the data at URLs that are noted as garbage, and forgets these once the data are durably
/// gone. What some image has there stays, and so does what lies in another store, where nobody here
/// will ever be able to remove it: both are forgotten only. Anything else that fails stays noted,
/// for recovery. Returns how many were removed.
///
/// While its URL is noted no image can be given a place (locations.h), so that what nobody had at
/// the look into the database nobody has at the removal.
///
/// Errors: of the database, and of Store::sync_removals(); all stay noted then.
std::size_t remove_garbage(Database& database, const Stores& stores,
                           const std::vector<std::string>& urls, const RemovalFailure& failed);

}  // namespace glance
