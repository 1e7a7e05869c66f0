// SPDX-License-Identifier: Apache-2.0
#include "catalog/upload/staging.h"

#include <exception>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <spdlog/spdlog.h>

#include "catalog/base/error.h"
#include "catalog/database/database.h"
#include "catalog/rows/image_rows.h"

namespace glance {

namespace {

/// Bytes whose writer is dead.
void recover_bytes(Database& database, const Staging& staging, const ImageId& id) {
  const auto claim = staging.spools().claim(id);
  if (claim.alive || !claim.spool) return;
  struct Found {
    bool known = false;
    std::optional<Image> image;
  };
  const auto found = database.read([&](Session& sql) {
    return Found{.known = rows::id_exists(sql, id), .image = rows::select_image(sql, id)};
  });
  if (!found.known) return;  // another catalog's
  const bool waits = found.image && found.image->status == ImageStatus::uploading;
  if (waits && found.image->size == claim.spool->size()) return staging.keep(*claim.spool);
  if (waits) database.write([&](Session& sql) { rows::return_to_queued(sql, id, now()); });
  claim.spool->discard();
  spdlog::info("recovery: the staged data of image {} were not all there and are removed",
               id.text());
}

std::vector<ImageId> staged_images(const Directory& directory) {
  std::vector<ImageId> ids;
  directory.for_each([&](const std::string& name) {
    if (auto id = ImageId::parse(name)) ids.push_back(*std::move(id));
  });
  return ids;
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

void recover_all(Database& database, const Staging& staging) {
  const DirectoryPtr home = staging.find();
  if (!home) return;
  for (const auto& id : staging.spools().unfinished()) {
    attempt("the staged data of image " + id.text(), [&] { recover_bytes(database, staging, id); });
  }
  for (const auto& id : staged_images(*home)) {
    attempt("the staged data of image " + id.text(), [&] {
      if (is_deleted(database, id)) staging.remove(id);
    });
  }
}

}  // namespace

Staging::Staging(std::filesystem::path directory, std::function<Trust()> trust, const Disk& disk)
    : trust_(std::move(trust)),
      home_(
          std::move(directory),
          [this, &disk](const std::filesystem::path& path) {
            return open_trusted(path, trust_(), false, disk);
          },
          {}, disk),
      spools_(home_) {}

std::unique_ptr<Spool> Staging::create(const ImageId& id) const {
  static_cast<void>(open_trusted(home_.path(), trust_(), true, home_.disk()));
  return spools_.create(id);
}

void Staging::keep(Spool& spool) const {
  const DirectoryPtr home = home_.get();
  const std::string& name = spool.id().text();
  if (!spool.area().link(name, *home, name) && !home->names(name, spool.file())) {
    throw Error(Errc::exists, "other data of image " + name + " are staged already");
  }
  home->sync();
  spool.discard();
}

DirectoryPtr Staging::find() const {
  std::error_code error;
  const bool exists = std::filesystem::exists(home_.path(), error);
  return exists ? home_.get() : nullptr;
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

void recover_staging(Database& database, const Staging& staging) noexcept {
  attempt("the staging area", [&] { recover_all(database, staging); });
}

}  // namespace glance
