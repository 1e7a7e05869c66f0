// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "catalog/base/error.h"
#include "catalog/base/sync.h"
#include "catalog/model/digests.h"
#include "catalog/model/image.h"
#include "catalog/model/upload_options.h"
#include "catalog/spool/spool_area.h"
#include "catalog/store/stores.h"
#include "catalog/upload/data_limit.h"
#include "catalog/upload/digester.h"
#include "catalog/upload/instance.h"
#include "catalog/upload/progress_recorder.h"

namespace glance {

class Database;
struct Config;

namespace rows {
struct SealedData;
}

/// One attempt to give a queued image its data: THE write path, for every door.
///
/// Holds the lock of the image's spool. Database, Stores, ProgressRecorder, Instance and Config
/// must outlive it. Safe to call from several threads; its mutex ranks second (sync.h), and is not
/// held while a store takes the data, which may last minutes. write(), sync(), seal() and publish()
/// block on disk. After any failure the upload is dead: later calls repeat the first Error, and
/// nothing is ever published, unless it was the publication of sealed data that failed. A dead
/// upload takes no room.
///
/// Durability: once seal() returned, data, size and digests are durable and recovery publishes
/// them if we die; after acknowledge() recovery still has to digest them. A later write() takes
/// either back first. The image is `active` only once publish() returned. Destruction without any
/// of them takes everything back: the data are removed, the image returns to `queued` or goes away
/// (UploadOptions::owns_image). Only an acknowledged upload whose publication failed is left to
/// recovery.
///
/// Errors of all verbs: gone (the image was deleted meanwhile), no_space, over_quota (the
/// filesystem's, or user_storage_quota), too_large (image_size_cap), mismatch (the data are not
/// what was announced), corrupt (the store does not hold the bytes that were written), io, busy.
class Upload {
 public:
  /// queued → saving by compare-and-swap. Errors: not_found, conflict (not queued, or another
  /// upload is at work), invalid (formats missing), forbidden.
  static std::shared_ptr<Upload> begin(Database& database, const SpoolArea& spools,
                                       const Stores& stores, ProgressRecorder& progress,
                                       Instance& instance, const Config& config, const ImageId& id,
                                       const UploadOptions& options);
  ~Upload();
  Upload(const Upload&) = delete;
  Upload& operator=(const Upload&) = delete;

  /// At any offset until the image is published; gaps are zeros.
  void write(std::uint64_t offset, std::span<const std::byte> bytes) EXCLUDES(mutex_);
  void truncate(std::uint64_t size) EXCLUDES(mutex_);

  /// Has the store set room aside for `size` bytes at `offset`; with `grow` they become part of
  /// the data, as zeros. Error: unsupported (the store cannot).
  void allocate(std::uint64_t offset, std::uint64_t size, bool grow) EXCLUDES(mutex_);

  /// Copies `size` bytes of `source`'s data, which `reader` reads, from offset `from` to `to`;
  /// returns how many there were. The store shares the blocks where it can, and a copy of a whole
  /// image takes its digests over.
  std::uint64_t copy(const Image& source, const BlobReader& reader, std::uint64_t from,
                     std::uint64_t to, std::uint64_t size) EXCLUDES(mutex_);

  /// Reads back what was written; fewer bytes than asked for only at the end.
  std::size_t read(std::uint64_t offset, std::span<std::byte> into) const;
  [[nodiscard]] std::uint64_t size() const;

  /// The next offset from `offset` on that holds data, or with `hole` that lies in a hole, as
  /// lseek(2) means it; nothing behind the end.
  [[nodiscard]] std::optional<std::uint64_t> seek(std::uint64_t offset, bool hole) const;

  /// Whether recovery would publish what is there: closed or sealed. False after any failure.
  [[nodiscard]] bool acknowledged() const EXCLUDES(mutex_);

  /// Throws the first failure again, if there was one.
  void check() const EXCLUDES(mutex_);

  /// Makes the bytes durable, nothing more.
  void sync() EXCLUDES(mutex_);

  /// What the close(2) of somebody who may come back answers: the bytes are durable, and that
  /// they were meant. Much cheaper than seal(): nothing is digested yet.
  void acknowledge() EXCLUDES(mutex_);

  /// What a writer's close(2) answers: digests, format, data and their record are durable.
  void seal() EXCLUDES(mutex_);

  /// Seals if need be, brings the data to the store, then saving → active. A repetition returns
  /// the same image. Nothing may be written meanwhile: immutable.
  Image publish() EXCLUDES(mutex_);

  /// Takes everything back now, and logs why. Never throws; does nothing once published.
  void abandon(const std::string& why) noexcept EXCLUDES(mutex_);

  [[nodiscard]] const ImageId& id() const noexcept { return id_; }

 private:
  Upload(Database& database, const Stores& stores, ProgressRecorder& progress, Instance& instance,
         const Config& config, UploadOptions options, std::unique_ptr<Spool> spool);

  void start() EXCLUDES(mutex_);
  void require_free_place();
  [[nodiscard]] bool may_discard() const;
  template <typename Step>
  auto keeping_failure(Step&& step) REQUIRES(mutex_);
  template <typename Step>
  auto attempt(Step&& step) EXCLUDES(mutex_);
  void require_alive() const REQUIRES(mutex_);
  void fail(const Error& error) REQUIRES(mutex_);
  void reopen() REQUIRES(mutex_);
  void record_acknowledgement(const std::function<bool(Session&)>& record) REQUIRES(mutex_);
  void require_size() const REQUIRES(mutex_);
  void seal_locked() REQUIRES(mutex_);
  void take_back(const std::string& why) noexcept REQUIRES(mutex_);
  void wait_for_put(MutexLock& lock) const REQUIRES(mutex_);
  [[nodiscard]] Location put(MutexLock& lock) REQUIRES(mutex_);
  void grown(std::uint64_t from, std::uint64_t to) REQUIRES(mutex_);
  void forget_source() REQUIRES(mutex_);
  [[nodiscard]] Digests digests() REQUIRES(mutex_);
  [[nodiscard]] Error deleted() const;

  /// An image that has been copied from its beginning on, and nothing else was written.
  struct Source {
    ImageId id;
    std::uint64_t size = 0;
    Digests digests;
  };

  enum class State { open, closed, sealed };

  Database& database_;
  const Stores& stores_;
  const Config& config_;
  const Instance::Work work_;
  const ImageId id_;
  const UploadOptions options_;
  DataLimit limit_;  // as it was at the beginning
  const std::unique_ptr<Spool> spool_;
  mutable Mutex mutex_;  // second in the lock order, see sync.h
  Digester digester_;
  std::uint64_t size_ GUARDED_BY(mutex_) = 0;
  const std::unique_ptr<ProgressRecorder::Counter> progress_ GUARDED_BY(mutex_);
  std::optional<Error> failure_ GUARDED_BY(mutex_);
  State state_ GUARDED_BY(mutex_) = State::open;
  std::optional<Source> source_ GUARDED_BY(mutex_);  // its bytes are not with the digester yet
  bool over_ GUARDED_BY(mutex_) = true;              // not begun yet, or taken back
  bool publishing_ GUARDED_BY(mutex_) = false;       // the seal is final, whatever fails now
  bool spoiled_ GUARDED_BY(mutex_) = false;          // a failure before that
  Digests sealed_digests_ GUARDED_BY(mutex_);        // while sealed
  bool putting_ GUARDED_BY(mutex_) = false;          // a thread brings the data to the store
  mutable std::condition_variable_any put_over_;
  std::optional<Image> published_ GUARDED_BY(mutex_);
};

}  // namespace glance
