// SPDX-License-Identifier: Apache-2.0
#include "catalog/upload/upload.h"

#include <algorithm>

#include <spdlog/spdlog.h>

#include "catalog/config.h"
#include "catalog/database/image_rows.h"
#include "catalog/database/upload_rows.h"
#include "catalog/upload/image_format.h"
#include "catalog/upload/publication.h"

namespace glance {

namespace {

void require_formats(const Image& image) {
  std::string missing;
  if (!image.disk_format) missing = "disk_format";
  if (!image.container_format)
    missing += missing.empty() ? "container_format" : ", container_format";
  if (missing.empty()) return;
  const bool both = !image.disk_format && !image.container_format;
  throw Error(Errc::invalid, (both ? "Properties " : "Property ") + missing +
                                 " must be set prior to saving data.");
}

/// queued → saving, with the row that recovery needs.
void start_saving(Session& sql, const ImageId& id, const UploadOptions& options) {
  const auto image = rows::select_image(sql, id);
  if (!image) throw Error(Errc::not_found, "No image found with ID " + id.text());
  if (!options.detect_format) require_formats(*image);
  const Timestamp when = now();
  if (!rows::move_status(sql, id, ImageStatus::queued, ImageStatus::saving, when)) {
    throw Error(Errc::conflict, "Image status transition from " +
                                    std::string(to_string(image->status)) +
                                    " to saving is not allowed");
  }
  rows::insert_upload(sql, id, options, when);
}

}  // namespace

std::shared_ptr<Upload> Upload::begin(Database& database, Store& store, const Config& config,
                                      const ImageId& id, const UploadOptions& options) {
  // The lock before the row: recovery takes a row whose lock is free for a dead writer's.
  std::shared_ptr<Upload> upload(new Upload(database, config, id, options, store.create(id)));
  upload->start();
  return upload;
}

void Upload::start() {
  MutexLock lock(mutex_);
  try {
    database_.write([&](Session& sql) { start_saving(sql, id_, options_); });
  } catch (...) {
    // What lies in the store may be a dead writer's sealed data: only bytes without a row are
    // ours to remove.
    const bool owned =
        database_.read([&](Session& sql) { return rows::select_upload(sql, id_).has_value(); });
    if (!owned && !blob_->published()) blob_->discard();
    throw;
  }
  over_ = false;
  blob_->truncate(0);
}

Upload::Upload(Database& database, const Config& config, ImageId id, const UploadOptions& options,
               std::unique_ptr<BlobWriter> blob)
    : database_(database),
      id_(std::move(id)),
      options_(options),
      size_cap_(config.limits.image_size_cap),
      blob_(std::move(blob)),
      digester_(*blob_, config.hashing_algorithm) {}

Upload::~Upload() {
  MutexLock lock(mutex_);
  if (!published_ && (!sealed_ || spoiled_)) take_back("the writer went away");
}

/// Runs one step under the mutex. The first failure is kept: whatever the writer tries next gets
/// the same answer, so that no later success can hide it.
template <typename Step>
auto Upload::attempt(Step&& step) {
  MutexLock lock(mutex_);
  require_alive();
  try {
    return step();
  } catch (const Error& error) {
    fail(error);
    throw;
  } catch (const std::exception& error) {
    fail(Error(Errc::io, error.what()));
    throw *failure_;
  }
}

void Upload::require_alive() const {
  if (failure_) throw *failure_;
  if (over_) throw Error(Errc::gone, "the upload of image " + id_.text() + " was taken back");
}

void Upload::fail(const Error& error) {
  failure_ = error;
  // What was sealed before a failed write or fsync is not what the writer meant.
  spoiled_ = !publishing_;
  spdlog::warn("upload of image {} failed: {}", id_.text(), error.what());
}

Error Upload::deleted() const {
  return {Errc::gone, "image " + id_.text() + " was deleted during its upload"};
}

Error Upload::too_large() const {
  return {Errc::too_large, "the image exceeds the limit of " + std::to_string(size_cap_) +
                               " bytes (image_size_cap)"};
}

void Upload::write(std::uint64_t offset, std::span<const std::byte> bytes) {
  attempt([&]() REQUIRES(mutex_) {
    const std::uint64_t end = offset + bytes.size();
    if (end < offset || end > size_cap_) throw too_large();
    unseal();
    blob_->write(offset, bytes);
    size_ = std::max(size_, end);
    digester_.written(offset, end);
  });
}

void Upload::truncate(std::uint64_t size) {
  attempt([&]() REQUIRES(mutex_) {
    if (size > size_cap_) throw too_large();
    unseal();
    digester_.truncated(size);
    blob_->truncate(size);
    if (size > size_) digester_.written(size_, size);
    size_ = size;
  });
}

std::size_t Upload::read(std::uint64_t offset, std::span<std::byte> into) const {
  return blob_->read(offset, into);
}

std::uint64_t Upload::size() const {
  MutexLock lock(mutex_);
  return size_;
}

bool Upload::sealed() const {
  MutexLock lock(mutex_);
  return sealed_ && !failure_;
}

void Upload::check() const {
  MutexLock lock(mutex_);
  require_alive();
}

void Upload::sync() {
  attempt([&]() REQUIRES(mutex_) { blob_->sync(); });
}

rows::SealedData Upload::examine() {
  const auto read_at = [this](std::uint64_t offset, std::span<std::byte> into) {
    return blob_->read(offset, into);
  };
  const ImageFormat found = inspect_image(read_at, size_);
  // Read now, not when the upload began: `cp --preserve=xattr` sets the format after the data.
  const auto image = database_.read([&](Session& sql) { return rows::select_image(sql, id_); });
  if (!image) throw deleted();
  rows::SealedData data;
  data.size = size_;
  if (!image->disk_format && options_.detect_format) data.disk_format = found.disk_format;
  if (!image->container_format && options_.detect_format) data.container_format = "bare";
  // A header is believed only about the format that the image is declared to have; everything is
  // a raw image of its own length.
  const std::string& declared = image->disk_format ? *image->disk_format : found.disk_format;
  if (declared == found.disk_format) data.virtual_size = found.virtual_size;
  if (declared == "raw") data.virtual_size = size_;
  data.digests = digester_.finish(size_);
  return data;
}

void Upload::seal_locked() {
  if (sealed_) return;
  const rows::SealedData data = examine();
  blob_->sync();
  const bool recorded =
      database_.write([&](Session& sql) { return rows::update_upload(sql, id_, data, now()); });
  if (!recorded) throw deleted();
  sealed_ = true;
}

void Upload::seal() {
  attempt([&]() REQUIRES(mutex_) {
    if (!published_) seal_locked();
  });
}

void Upload::unseal() {
  if (published_) throw Error(Errc::immutable, "the data of an active image never change");
  if (!sealed_) return;
  const bool recorded = database_.write(
      [&](Session& sql) { return rows::update_upload(sql, id_, std::nullopt, now()); });
  if (!recorded) throw deleted();
  sealed_ = false;
}

Image Upload::publish() {
  return attempt([&]() REQUIRES(mutex_) {
    if (published_) return *published_;
    seal_locked();
    publishing_ = true;
    published_ = publish_sealed(database_, *blob_, id_);
    if (!published_) {
      over_ = true;
      throw deleted();
    }
    return *published_;
  });
}

void Upload::abandon(const std::string& why) noexcept {
  MutexLock lock(mutex_);
  take_back(why);
}

void Upload::take_back(const std::string& why) noexcept {
  if (published_ || over_) return;
  over_ = true;
  try {
    spdlog::info("upload of image {} is taken back: {}", id_.text(), why);
    unseal();
    discard_upload(database_, blob_.get(), id_);
  } catch (const std::exception& error) {
    // The row stays; recovery finds it with its lock free and does the same.
    spdlog::error("taking back the upload of image {}: {}", id_.text(), error.what());
  }
}

}  // namespace glance
