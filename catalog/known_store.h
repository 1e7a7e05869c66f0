// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "catalog/database/database.h"
#include "catalog/os/directory.h"

namespace glance {

/// The file in a store's directory by which the catalog knows it again.
inline constexpr const char* kStoreMarker = ".glancefs-store";

/// Whether a directory is the file store that the catalog calls `store`. An empty mount point is
/// not an empty store: a disk that is not mounted must not make us forget data that are on it, nor
/// take new ones.
///
/// The store is known by a marker, a random text in a file of it, which the database remembers. A
/// store that has none yet, a new one or a real Glance's, gets one; if there are images already,
/// then only once some of their data are seen in it. Nothing is made in a store that we may not
/// write to.
///
/// Errors: unavailable (another directory; says what its marker would be, and what to do if it is
/// the right one), and those of Database and Directory.
void require_known_store(Database& database, const std::string& store, const Directory& directory);

}  // namespace glance
