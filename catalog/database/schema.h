// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "catalog/database/database.h"

namespace glance {

/// Creates Glance's tables in an empty database, exactly as `glance-manage db_sync` of Glance 25
/// does, so that Glance's own tools accept it; then what check_schema() adds. Does nothing to a
/// database that has them. Safe if several processes try at once.
void create_schema(Database& database);

/// Checks that the tables are those this version knows, and adds what is ours: tables, indexes and
/// triggers whose names start with `glancefs_`. Runs at every start, because alembic's batch mode
/// drops triggers. Error: unsupported, for an unknown or missing schema version (names it).
void check_schema(Database& database);

}  // namespace glance
