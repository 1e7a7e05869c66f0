// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "catalog/database/database.h"

/// Rows of glancefs_stores: by which marker the catalog knows each of its stores again.
namespace glance::rows {

[[nodiscard]] std::optional<std::string> select_store_marker(Session& sql,
                                                             const std::string& store);

/// Leaves a marker that is recorded already as it is.
void insert_store_marker(Session& sql, const std::string& store, const std::string& marker);

/// Some locations of images that have data, `limit` at most.
[[nodiscard]] std::vector<std::string> select_some_locations(Session& sql, int limit);

}  // namespace glance::rows
