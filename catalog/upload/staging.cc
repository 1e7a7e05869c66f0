// SPDX-License-Identifier: Apache-2.0
#include "catalog/upload/staging.h"

#include <exception>
#include <string>
#include <system_error>
#include <vector>

#include <spdlog/spdlog.h>

#include "catalog/database/database.h"
#include "catalog/rows/image_rows.h"

namespace glance {

namespace fs = std::filesystem;

namespace {

/// Bytes whose writer is dead.
void recover_bytes(Database& database, FileStore& store, const ImageId& id) {
  const auto claim = store.claim(id);
  if (claim.alive || !claim.writer || claim.writer->published()) return;
  const auto image = database.read([&](Session& sql) { return rows::select_image(sql, id); });
  const bool waits = image && image->status == ImageStatus::uploading;
  if (waits && image->size == claim.writer->size()) {
    (void)claim.writer->publish();
    return;
  }
  if (waits) database.write([&](Session& sql) { rows::return_to_queued(sql, id, now()); });
  claim.writer->discard();
  spdlog::info("recovery: the staged data of image {} were not all there and are removed",
               id.text());
}

std::vector<ImageId> staged_images(const fs::path& directory) {
  std::vector<ImageId> ids;
  for (const auto& entry : fs::directory_iterator(directory)) {
    if (!entry.is_regular_file()) continue;
    if (auto id = ImageId::parse(entry.path().filename().string())) ids.push_back(*std::move(id));
  }
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

void recover_unfinished(Database& database, FileStore store) {
  for (const auto& id : store.unfinished()) {
    attempt("the staged data of image " + id.text(), [&] { recover_bytes(database, store, id); });
  }
}

void remove_deleted(Database& database, const Staging& staging) {
  for (const auto& id : staged_images(staging.directory())) {
    attempt("the staged data of image " + id.text(), [&] {
      if (is_deleted(database, id)) staging.remove(id);
    });
  }
}

}  // namespace

FileStore Staging::open() const {
  return {directory_, "os_glance_staging_store", true};
}

bool Staging::exists() const {
  std::error_code error;
  return fs::is_directory(directory_, error);
}

bool Staging::has(const ImageId& id) const {
  std::error_code error;
  return fs::exists(directory_ / id.text(), error);
}

void Staging::remove(const ImageId& id) const noexcept {
  std::error_code error;
  fs::remove(directory_ / id.text(), error);
  if (error) spdlog::error("removing the staged data of image {}: {}", id.text(), error.message());
}

void recover_staging(Database& database, const Staging& staging) noexcept {
  if (!staging.exists()) return;
  attempt("the staging area", [&] { recover_unfinished(database, staging.open()); });
  attempt("the staging area", [&] { remove_deleted(database, staging); });
}

}  // namespace glance
