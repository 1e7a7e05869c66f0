// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "catalog/database/database.h"
#include "catalog/os/held_directory.h"
#include "catalog/spool/spool_area.h"
#include "catalog/store/stores.h"
#include "catalog/upload/staging.h"

namespace glance {

struct Config;

/// Where a catalog's data are: on their way in spools, for good in stores, and waiting for an
/// import in the staging area. Immutable, safe for concurrent use.
class DataPlaces {
 public:
  /// All must outlive it. Looks at nothing yet.
  DataPlaces(const Config& config, Database& database, const Disk& disk);

  /// Looks at the places, once the database has its tables. A store whose disk is not mounted may
  /// come, and is told to the log: everything but its data works meanwhile. Any other fault is one
  /// of the configuration. Errors: not_found and invalid (the store's directory, or one that is the
  /// staging area too), unsupported (its filesystem), unavailable (a staging area that is not to be
  /// trusted), io.
  void require_sound() const;

  [[nodiscard]] const SpoolArea& spools() const noexcept { return spools_; }
  [[nodiscard]] const Stores& stores() const noexcept { return stores_; }
  [[nodiscard]] const Staging& staging() const noexcept { return staging_; }

 private:
  void look_at_store() const;
  void require_apart(const Directory& datadir) const;

  const Config& config_;
  const HeldDirectory datadir_;
  const SpoolArea spools_;
  const Stores stores_;
  const Staging staging_;
};

}  // namespace glance
