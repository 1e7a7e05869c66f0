// SPDX-License-Identifier: Apache-2.0
#include "catalog/upload/staged_upload.h"

#include <utility>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "catalog/config/config.h"
#include "catalog/database/database.h"
#include "catalog/policy/access.h"
#include "catalog/rows/image_rows.h"
#include "catalog/rows/staging_rows.h"
#include "catalog/upload/staging.h"

namespace glance {

namespace {

void start_uploading(Session& sql, const ImageId& id, const Instance::Work& work) {
  const auto image = rows::select_image(sql, id);
  if (!image) throw no_such_image(id);
  const Timestamp when = now();
  if (rows::move_status(sql, id, ImageStatus::queued, ImageStatus::uploading, when)) {
    return rows::insert_staging(sql, id, work.sign(sql), when);
  }
  throw Error(Errc::conflict, fmt::format("Image status transition from {} to uploading is not "
                                          "allowed",
                                          to_string(image->status)));
}

bool is_uploading(Session& sql, const ImageId& id) {
  const auto image = rows::select_image(sql, id);
  return image && image->status == ImageStatus::uploading;
}

}  // namespace

std::unique_ptr<StagedUpload> StagedUpload::begin(Database& database, const Staging& staging,
                                                  ProgressRecorder& progress, Instance& instance,
                                                  const Config& config, const ImageId& id) {
  if (staging.has(id)) {
    throw Error(Errc::conflict, fmt::format("The image {} has data on staging", id.text()));
  }
  // The lock before the status: recovery takes bytes whose lock is free for a dead writer's.
  std::unique_ptr<StagedUpload> upload(new StagedUpload(
      database, progress, instance, id, DataLimit::of_cap(config), staging.create(id), staging));
  try {
    // And a durable place: without one nothing would tell recovery that the image waits for nobody.
    upload->spool_->sync();
    database.write([&](Session& sql) { start_uploading(sql, id, upload->work_); });
  } catch (...) {
    // Bytes of an image that is uploading are a dead writer's: recovery's to look after.
    upload->finished_ = database.read([&](Session& sql) { return is_uploading(sql, id); });
    throw;
  }
  upload->begun_ = true;
  upload->spool_->truncate(0);
  return upload;
}

StagedUpload::StagedUpload(Database& database, ProgressRecorder& progress, Instance& instance,
                           ImageId id, DataLimit limit, std::unique_ptr<Spool> spool,
                           const Staging& staging)
    : database_(database),
      staging_(staging),
      work_(instance),
      id_(std::move(id)),
      limit_(limit),
      spool_(std::move(spool)),
      progress_(progress.follow(id_)) {}

StagedUpload::~StagedUpload() {
  if (finished_) return;
  try {
    // The status first: an image that waits for bytes that are gone could not even be retried.
    if (begun_) {
      database_.write([&](Session& sql) {
        rows::return_to_queued(sql, id_, now());
        rows::delete_staging(sql, id_);
      });
    }
    spool_->discard();
  } catch (const std::exception& error) {
    spdlog::error("taking back the staged data of image {}: {}", id_.text(), error.what());
  }
}

void StagedUpload::write(std::span<const std::byte> bytes) {
  limit_.require(size_, bytes.size());
  spool_->write(size_, bytes);
  size_ += bytes.size();
  progress_->set(size_);
}

Image StagedUpload::finish() {
  spool_->sync();
  auto image = database_.write([&](Session& sql) {
    auto staged = rows::set_staged_size(sql, id_, size_, now());
    if (staged) rows::delete_staging(sql, id_);
    return staged;
  });
  if (!image) {
    throw Error(Errc::gone, fmt::format("image {} was deleted during its upload", id_.text()));
  }
  // The record before the rename: recovery knows by the size that all is there.
  finished_ = true;
  staging_.keep(*spool_);
  return *std::move(image);
}

}  // namespace glance
