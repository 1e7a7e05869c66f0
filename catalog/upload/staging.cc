// SPDX-License-Identifier: Apache-2.0
#include "catalog/upload/staging.h"

#include <exception>
#include <set>
#include <string>
#include <utility>

#include <spdlog/spdlog.h>

#include "catalog/database/database.h"
#include "catalog/rows/image_rows.h"
#include "catalog/rows/staging_rows.h"
#include "catalog/upload/instance_watch.h"

namespace glance {

namespace {

/// What a writer left who is dead, or of whom only the watch can tell. False if it cannot yet.
bool recover_bytes(Database& database, const Staging& staging, InstanceWatch& watch,
                   const ImageId& id) {
  const auto claim = staging.spools().claim(id);
  if (claim.alive) return true;
  struct Found {
    bool known = false;
    std::optional<Image> image;
    std::optional<std::string> writer;
  };
  const auto found = database.read([&](Session& sql) {
    return Found{.known = rows::id_exists(sql, id),
                 .image = rows::select_image(sql, id),
                 .writer = rows::select_staging_instance(sql, id)};
  });
  if (!found.known) return true;  // another catalog's
  const Life life = watch.look(database, found.writer);
  if (life != Life::gone) return life == Life::alive;
  // Without bytes we hold no lock: somebody may have begun anew before the row was read.
  if (!claim.spool && staging.spools().claim(id).alive) return true;
  if (!found.writer && !claim.spool) return true;
  const bool waits = found.image && found.image->status == ImageStatus::uploading;
  if (!found.writer && waits && found.image->size == claim.spool->size()) {
    staging.keep(*claim.spool);
    return true;
  }
  database.write([&](Session& sql) {
    if (rows::select_staging_instance(sql, id) != found.writer) return;
    if (waits) rows::return_to_queued(sql, id, now());
    rows::delete_staging(sql, id);
  });
  if (claim.spool) claim.spool->discard();
  spdlog::info("recovery: the staged data of image {} were not all there and are removed",
               id.text());
  return true;
}

/// Who deleted the image died before the data were gone.
bool is_deleted(Database& database, const ImageId& id) {
  return database.read(
      [&](Session& sql) { return rows::id_exists(sql, id) && !rows::select_image(sql, id); });
}

/// Whatever fails is logged, and keeps nothing else from its recovery.
template <typename Work>
void attempt(const std::string& what, Work&& work) noexcept {
  try {
    work();
  } catch (const std::exception& error) {
    spdlog::error("recovery of {}: {}", what, error.what());
  }
}

std::size_t recover_unfinished(Database& database, const Staging& staging, InstanceWatch& watch) {
  const auto rows = database.read([](Session& sql) { return rows::select_stagings(sql); });
  std::set<ImageId> ids(rows.begin(), rows.end());
  if (!ids.empty()) staging.make();
  if (!staging.find()) return 0;
  for (auto& id : staging.spools().unfinished()) ids.insert(std::move(id));
  std::size_t undecided = 0;
  for (const auto& id : ids) {
    attempt("the staged data of image " + id.text(), [&] {
      if (!recover_bytes(database, staging, watch, id)) ++undecided;
    });
  }
  return undecided;
}

void remove_deleted(Database& database, const Staging& staging) {
  const DirectoryPtr home = staging.find();
  if (!home) return;
  for (const auto& id : images_in(*home)) {
    attempt("the staged data of image " + id.text(), [&] {
      if (is_deleted(database, id)) staging.remove(id);
    });
  }
}

}  // namespace

Staging::Staging(const std::filesystem::path& directory, std::function<Trust()> trust,
                 const Disk& disk)
    : trust_(std::move(trust)),
      home_(
          directory,
          [this, &disk](const std::filesystem::path& path) {
            return open_trusted(path, trust_(), false, disk);
          },
          {}, disk),
      spools_(home_) {}

std::unique_ptr<Spool> Staging::create(const ImageId& id) const {
  make();
  return spools_.create(id);
}

void Staging::make() const {
  static_cast<void>(open_trusted(home_.path(), trust_(), true, home_.disk()));
}

void Staging::keep(Spool& spool) const {
  spool.place_in(*home_.get());
  spool.discard();
}

bool Staging::has(const ImageId& id) const {
  const DirectoryPtr home = find();
  return home && home->status_of(id.text());
}

void Staging::remove(const ImageId& id) const noexcept {
  try {
    const DirectoryPtr home = find();
    if (home) home->remove_file(id.text());
  } catch (const std::exception& error) {
    spdlog::error("removing the staged data of image {}: {}", id.text(), error.what());
  }
}

std::size_t recover_staging(Database& database, const Staging& staging,
                            InstanceWatch& watch) noexcept {
  std::size_t undecided = 0;
  attempt("the staging area", [&] { undecided = recover_unfinished(database, staging, watch); });
  attempt("the staging area", [&] { remove_deleted(database, staging); });
  return undecided;
}

}  // namespace glance
