// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "catalog/model/image.h"
#include "catalog/spool/spool.h"
#include "catalog/upload/data_limit.h"
#include "catalog/upload/instance.h"
#include "catalog/upload/progress_recorder.h"

namespace glance {

class Database;
class Staging;
struct Config;

/// Data on their way into the staging area, where they wait for an import (docs/image-api.md,
/// "Data"). What makes an image of them, hashing, inspection and publication, is Upload's work,
/// which the import feeds; here they are only kept.
///
/// Holds the staging area's lock on the image. Database, staging area, ProgressRecorder and
/// Instance must outlive it. One thread at a time; every call blocks on disk. Destruction without
/// finish() takes everything back: the data are removed, the image returns to `queued`. finish()
/// makes data and record durable.
///
/// Errors of all verbs: gone (the image was deleted meanwhile), no_space, over_quota, too_large
/// (image_size_cap), io, busy.
class StagedUpload {
 public:
  /// queued → uploading by compare-and-swap. Errors: not_found, conflict (not queued, or somebody
  /// else is at it).
  static std::unique_ptr<StagedUpload> begin(Database& database, const Staging& staging,
                                             ProgressRecorder& progress, Instance& instance,
                                             const Config& config, const ImageId& id);
  ~StagedUpload();
  StagedUpload(const StagedUpload&) = delete;
  StagedUpload& operator=(const StagedUpload&) = delete;

  /// Appends.
  void write(std::span<const std::byte> bytes);

  /// All is there: the image gets its size and waits, `uploading`, for its import.
  Image finish();

 private:
  StagedUpload(Database& database, ProgressRecorder& progress, Instance& instance, ImageId id,
               DataLimit limit, std::unique_ptr<Spool> spool, const Staging& staging);

  Database& database_;
  const Staging& staging_;
  const Instance::Work work_;
  const ImageId id_;
  const DataLimit limit_;
  const std::unique_ptr<Spool> spool_;
  const std::unique_ptr<ProgressRecorder::Counter> progress_;
  std::uint64_t size_ = 0;  // bytes
  bool begun_ = false;
  bool finished_ = false;
};

}  // namespace glance
