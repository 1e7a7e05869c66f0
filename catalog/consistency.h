// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "catalog/model/image.h"

namespace glance {

class Database;
class InstanceWatch;
class SpoolArea;
class Stores;

/// What can be wrong with a catalog.
enum class Fault {
  database,      ///< the engine finds its own file damaged
  missing,       ///< an image's data are not in the store
  unreadable,    ///< they are there, but cannot be opened or read
  size,          ///< they have another size than recorded
  changed,       ///< they have other digests than recorded
  upload,        ///< an upload whose writer is dead or may be, and that recovery has not ended
  garbage,       ///< data of a deleted image are still in the store
  orphan,        ///< data in the store that nothing in the database owns
  unverifiable,  ///< nothing is known to be wrong, but nobody can tell
};

[[nodiscard]] std::string_view to_string(Fault fault) noexcept;

struct Finding {
  Fault fault;
  std::string subject;              ///< an image's id, or a URL in the store
  std::string text;                 ///< one line for the operator
  std::optional<std::string> name;  ///< the image's
};

using FindingSink = std::function<void(const Finding&)>;

/// Looks, without reading them, whether the store holds an active image's data as recorded.
/// Nothing if it does. Finds missing, unreadable, size and unverifiable (another store's).
[[nodiscard]] std::optional<Finding> check_data(const Stores& stores, const Image& image);

/// Reports data in the store that neither a location, nor an upload, nor garbage owns. Data that a
/// real Glance may be writing right now are left out. Error: io.
void find_orphans(Database& database, const Stores& stores, const FindingSink& report);

/// Everything that can be told without reading the images' data. Changes nothing, and may run
/// beside the doors: what they are at work on is no finding. Errors: io, corrupt, busy.
void check_consistency(Database& database, const SpoolArea& spools, const Stores& stores,
                       InstanceWatch& watch, const FindingSink& report);

}  // namespace glance
