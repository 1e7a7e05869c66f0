// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "catalog/database/database.h"
#include "catalog/model/image.h"

/// Rows of image_locations, and of glancefs_garbage: data whose image no longer has them, until
/// they are removed. Every function works inside the caller's transaction and leaves rows as Glance
/// itself would.
namespace glance::rows {

void insert_location(Session& sql, const ImageId& id, const Location& location, Timestamp when);

/// Writes what differs between the locations of the two states. The rows' ids keep the order. URLs
/// that are no longer there are noted as garbage.
void update_locations(Session& sql, const Image& before, const Image& after);

/// The URLs of locations, whoever's, whose last part is `file_name`: whatever spells the same place
/// is among them.
[[nodiscard]] std::vector<std::string> select_locations_named(Session& sql,
                                                              const std::string& file_name);

/// What a project's images take in the stores, every location counted: Glance's reckoning for
/// user_storage_quota. With nothing those that nobody owns.
[[nodiscard]] std::uint64_t sum_stored_bytes(Session& sql, const std::optional<std::string>& owner);

/// The data at that URL are to be removed: recovery finds it if we die.
void note_garbage(Session& sql, const std::string& url, Timestamp when);

/// Forgets a URL whose data have been removed.
void forget_garbage(Session& sql, const std::string& url);
[[nodiscard]] std::vector<std::string> select_garbage(Session& sql);

}  // namespace glance::rows
