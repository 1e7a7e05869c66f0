// SPDX-License-Identifier: Apache-2.0
#include "catalog/data_places.h"

#include <memory>
#include <vector>

#include <spdlog/spdlog.h>

#include "catalog/config/config.h"
#include "catalog/known_store.h"
#include "catalog/store/file_store.h"
#include "catalog/store/filesystem_check.h"

namespace glance {

namespace {

std::vector<std::unique_ptr<Store>> make_stores(const Config& config,
                                                const HeldDirectory& datadir) {
  std::vector<std::unique_ptr<Store>> stores;
  stores.push_back(std::make_unique<FileStore>(datadir, config.store_id));
  return stores;
}

/// The owner of the store may own the staging area too: a Glance that runs as its own user.
Trust trust_owner_of(const HeldDirectory& datadir) {
  const struct stat owner = Directory(datadir.path(), datadir.disk()).status();
  return {.owner = owner.st_uid, .group = owner.st_gid};
}

}  // namespace

DataPlaces::DataPlaces(const Config& config, Database& database, const Disk& disk)
    : config_(config),
      datadir_(
          config.filesystem_store_datadir,
          [&config, &database](const Directory& directory) {
            require_able_filesystem(directory);
            require_known_store(database, config.store_id, directory);
          },
          disk),
      spools_(datadir_),
      stores_(make_stores(config, datadir_)),
      staging_(config.staging_datadir, [this] { return trust_owner_of(datadir_); }, disk) {}

void DataPlaces::require_sound() const {
  const Directory datadir(datadir_.path(), datadir_.disk());
  look_at_store();
  require_apart(datadir);
}

void DataPlaces::look_at_store() const {
  try {
    static_cast<void>(datadir_.get());
  } catch (const Error& error) {
    if (error.code() != Errc::unavailable) throw;
    spdlog::error("the store '{}' is not available: {}", config_.store_id, error.what());
  }
}

/// Recovery takes what lies in the staging area for staged data.
void DataPlaces::require_apart(const Directory& datadir) const {
  const DirectoryPtr staging = staging_.find();
  if (!staging || staging->identity() != datadir.identity()) return;
  throw Error(Errc::invalid, "the staging directory " + staging_.directory().string() +
                                 " is the store's (filesystem_store_datadir); allowed: one of its "
                                 "own");
}

}  // namespace glance
