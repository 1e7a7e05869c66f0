// SPDX-License-Identifier: Apache-2.0
#include "catalog/upload/publication.h"

#include <spdlog/spdlog.h>

#include "catalog/rows/image_rows.h"
#include "catalog/rows/location_rows.h"
#include "catalog/rows/replacement_rows.h"
#include "catalog/upload/garbage.h"

namespace glance {

namespace {

struct Published {
  Image image;
  std::optional<Image> replaced;
};

/// The image that the heir is to replace, if it is still there. If that was overwritten, the heir
/// gets the name that it has by now.
std::optional<Image> take_name(Session& sql, const Replacement& replacement, Image& heir) {
  auto old = rows::select_image(sql, replacement.image);
  if (heir.name != replacement.name) heir.name = old ? old->name : replacement.name;
  return old;
}

/// The image as it becomes active with the sealed data; nothing if it no longer waits for them.
std::optional<Published> activate(Session& sql, const ImageId& id, const Location& location) {
  const auto upload = rows::select_upload(sql, id);
  auto before = rows::select_image(sql, id);
  rows::delete_upload(sql, id);
  if (!before || before->status != ImageStatus::saving || !upload || !upload->sealed) {
    rows::note_garbage(sql, location.url, now());
    return std::nullopt;
  }
  const rows::SealedData& sealed = *upload->sealed;
  Image after = *before;
  after.status = ImageStatus::active;
  after.size = sealed.size;
  after.virtual_size = sealed.virtual_size;
  after.checksum = sealed.digests.checksum;
  after.os_hash_algo = sealed.digests.os_hash_algo;
  after.os_hash_value = sealed.digests.os_hash_value;
  if (!after.disk_format) after.disk_format = sealed.disk_format;
  if (!after.container_format) after.container_format = sealed.container_format;
  after.updated_at = now();
  std::optional<Image> replaced;
  if (upload->replaces) replaced = take_name(sql, *upload->replaces, after);
  rows::update_image(sql, *before, after);
  rows::insert_location(sql, id, location, after.updated_at);
  after.locations.push_back(location);
  if (replaced) {
    const Replaced how = upload->replaces->how;
    rows::replace_image(sql, *replaced, id, how, after.updated_at);
    if (how == Replaced::hidden || replaced->is_protected) replaced.reset();
  }
  return Published{.image = std::move(after), .replaced = std::move(replaced)};
}

}  // namespace

std::optional<Image> record_publication(Database& database, const Stores& stores, Spool* spool,
                                        const ImageId& id, const Location& location) {
  // The store before the row: a crash in between leaves a sealed row and its spool, and recovery
  // goes on from there.
  auto published = database.write([&](Session& sql) { return activate(sql, id, location); });
  if (spool != nullptr) spool->discard();
  if (!published) {
    remove_data(database, stores, id, std::span(&location, 1));
    return std::nullopt;
  }
  if (const auto& old = published->replaced) {
    remove_data(database, stores, old->id, old->locations);
  }
  return std::move(published->image);
}

void remove_data(Database& database, const Stores& stores, const ImageId& id,
                 std::span<const Location> locations) noexcept {
  const auto log = [&](const std::exception& error) {
    spdlog::error("removing the data of image {}: {}", id.text(), error.what());
  };
  try {
    std::vector<std::string> urls;
    for (const auto& location : locations) urls.push_back(location.url);
    remove_garbage(database, stores, urls, log);
  } catch (const std::exception& error) {
    log(error);
  }
}

void empty(Spool& spool) noexcept {
  try {
    spool.truncate(0);
  } catch (const std::exception& error) {
    spdlog::warn("emptying a spool: {}", error.what());
  }
}

bool discard_upload(Database& database, Spool* spool, const ImageId& id) {
  const auto open = database.read([&](Session& sql) {
    const auto upload = rows::select_upload(sql, id);
    return upload && upload->is_open();
  });
  if (!open) return false;
  // Nobody opens, closes or seals it meanwhile: the lock is ours.
  if (spool != nullptr) empty(*spool);
  const bool taken_back = database.write([&](Session& sql) {
    const auto upload = rows::select_upload(sql, id);
    if (!upload || !upload->is_open()) return false;
    rows::cancel_replacement(sql, id);
    rows::delete_upload(sql, id);
    const auto image = rows::select_image(sql, id);
    if (!image || image->status != ImageStatus::saving) return true;
    if (upload->owns_image) {
      rows::delete_image(sql, *image, now());
    } else {
      Image queued = *image;
      queued.status = ImageStatus::queued;
      queued.size = std::nullopt;
      queued.virtual_size = std::nullopt;
      queued.updated_at = now();
      rows::update_image(sql, *image, queued);
    }
    return true;
  });
  // The row first: a file that no row owns is harmless, a row without its file is a riddle.
  if (taken_back && spool != nullptr) spool->discard();
  return taken_back;
}

}  // namespace glance
