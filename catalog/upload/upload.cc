// SPDX-License-Identifier: Apache-2.0
#include "catalog/upload/upload.h"

#include <algorithm>
#include <utility>

#include <spdlog/spdlog.h>

#include "catalog/config/config.h"
#include "catalog/rows/image_rows.h"
#include "catalog/rows/upload_rows.h"
#include "catalog/upload/examination.h"
#include "catalog/upload/expectation.h"
#include "catalog/upload/publication.h"

namespace glance {

namespace {

/// queued → saving, with the row that recovery needs. Returns the image as it was.
Image start_saving(Session& sql, const ImageId& id, const UploadOptions& options,
                   const Instance::Work& work) {
  auto image = rows::select_image(sql, id);
  if (!image) throw Error(Errc::not_found, "No image found with ID " + id.text());
  if (image->status == ImageStatus::queued) require_verifiable(*image);
  if (!options.detect_format && image->status == ImageStatus::queued) require_formats(*image);
  const Timestamp when = now();
  if (!rows::move_status(sql, id, ImageStatus::queued, ImageStatus::saving, when)) {
    throw Error(Errc::conflict, "Image status transition from " +
                                    std::string(to_string(image->status)) +
                                    " to saving is not allowed");
  }
  rows::insert_upload(sql, id, options, work.sign(sql), when);
  return *std::move(image);
}

}  // namespace

std::shared_ptr<Upload> Upload::begin(Database& database, const SpoolArea& spools,
                                      const Stores& stores, ProgressRecorder& progress,
                                      Instance& instance, const Config& config, const ImageId& id,
                                      const UploadOptions& options) {
  // The lock before the row: recovery takes a row whose lock is free for a dead writer's.
  std::shared_ptr<Upload> upload(
      new Upload(database, stores, progress, instance, config, options, spools.create(id)));
  upload->require_free_place();
  upload->start();
  return upload;
}

/// What lies in the image's place already is nobody's to replace: better said before 40 GB come
/// than after.
void Upload::require_free_place() {
  if (spool_->size() > 0 || !stores_.default_store().holds(id_)) return;
  spool_->discard();
  throw Error(Errc::conflict, "the data of image " + id_.text() + " are there already");
}

void Upload::start() {
  MutexLock lock(mutex_);
  try {
    limit_ = database_.write([&](Session& sql) {
      const Image image = start_saving(sql, id_, options_, work_);
      const auto limit = DataLimit::of(sql, config_, image.owner);
      limit.require(0, options_.expected.size.value_or(0));
      return limit;
    });
  } catch (...) {
    if (may_discard()) spool_->discard();
    throw;
  }
  over_ = false;
  spool_->truncate(0);
}

/// What lies in the spool may be a dead writer's sealed data, or another catalog's: only bytes of
/// an image of ours that no upload owns are ours to remove, and what we have just made.
bool Upload::may_discard() const {
  if (spool_->size() == 0) return true;
  return database_.read(
      [&](Session& sql) { return rows::id_exists(sql, id_) && !rows::select_upload(sql, id_); });
}

Upload::Upload(Database& database, const Stores& stores, ProgressRecorder& progress,
               Instance& instance, const Config& config, UploadOptions options,
               std::unique_ptr<Spool> spool)
    : database_(database),
      stores_(stores),
      config_(config),
      work_(instance),
      id_(spool->id()),
      options_(std::move(options)),
      spool_(std::move(spool)),
      digester_(*spool_, config.hashing_algorithm),
      progress_(progress.follow(id_)) {}

Upload::~Upload() {
  MutexLock lock(mutex_);
  if (!published_ && (state_ == State::open || spoiled_)) take_back("the writer went away");
}

/// Runs one step. The first failure is kept: whatever the writer tries next gets the same answer,
/// so that no later success can hide it.
template <typename Step>
auto Upload::keeping_failure(Step&& step) {
  require_alive();
  try {
    return step();
  } catch (const Error& error) {
    fail(error);
    throw;
  } catch (const std::exception& error) {
    fail(Error(Errc::io, error.what(), Error::Words::foreign));
    throw *failure_;
  }
}

template <typename Step>
auto Upload::attempt(Step&& step) {
  MutexLock lock(mutex_);
  return keeping_failure(std::forward<Step>(step));
}

void Upload::require_alive() const {
  if (failure_) throw *failure_;
  if (over_) throw Error(Errc::gone, "the upload of image " + id_.text() + " was taken back");
  if (putting_) {
    throw Error(Errc::immutable, "the data of image " + id_.text() + " are being published");
  }
}

void Upload::fail(const Error& error) {
  failure_ = error;
  // What was sealed before a failed write or fsync is not what the writer meant, and what is not
  // what was announced, or of an image that is gone, nobody can publish any more.
  const bool hopeless = error.code() == Errc::mismatch || error.code() == Errc::gone;
  spoiled_ = !publishing_ || hopeless;
  if (spoiled_ && state_ == State::open) empty(*spool_);
  spdlog::warn("upload of image {} failed: {}", id_.text(), error.what());
}

Error Upload::deleted() const {
  return {Errc::gone, "image " + id_.text() + " was deleted during its upload"};
}

/// Bytes [from, to) are new; whatever was copied is now part of something else.
void Upload::grown(std::uint64_t from, std::uint64_t to) {
  forget_source();
  size_ = std::max(size_, to);
  progress_->set(size_);
  digester_.written(from, to);
}

/// The copied bytes have to be digested after all.
void Upload::forget_source() {
  if (!source_) return;
  source_.reset();
  digester_.written(0, size_);
}

void Upload::write(std::uint64_t offset, std::span<const std::byte> bytes) {
  attempt([&]() REQUIRES(mutex_) {
    limit_.require(offset, bytes.size());
    reopen();
    spool_->write(offset, bytes);
    forget_source();
    size_ = std::max(size_, offset + bytes.size());
    progress_->set(size_);
    digester_.written(offset, bytes);
  });
}

void Upload::truncate(std::uint64_t size) {
  attempt([&]() REQUIRES(mutex_) {
    limit_.require(0, size);
    // cp ends a copy with the size that the file has already.
    if (size == size_ && source_) return;
    reopen();
    forget_source();
    digester_.truncated(size);
    spool_->truncate(size);
    if (size > size_) digester_.written(size_, size);
    size_ = size;
    progress_->set(size_);
  });
}

void Upload::allocate(std::uint64_t offset, std::uint64_t size, bool grow) {
  MutexLock lock(mutex_);
  require_alive();
  limit_.require(offset, size);
  if (grow) reopen();
  // A store that cannot, or has not the room, is no reason to give the upload up.
  spool_->allocate(offset, size, grow);
  if (grow && offset + size > size_) grown(size_, offset + size);
}

std::uint64_t Upload::copy(const Image& source, const BlobReader& reader, std::uint64_t from,
                           std::uint64_t to, std::uint64_t size) {
  return attempt([&]() REQUIRES(mutex_) {
    if (from >= reader.size()) return std::uint64_t{0};
    const std::uint64_t count = std::min(size, reader.size() - from);
    limit_.require(to, count);
    reopen();
    spool_->copy(reader, from, to, count);
    const bool has_our_digests =
        source.checksum && source.os_hash_value && source.os_hash_algo == digester_.os_hash_algo();
    if (size_ == 0 && from == 0 && has_our_digests) {
      source_ = Source{.id = source.id,
                       .size = reader.size(),
                       .digests = {.checksum = *source.checksum,
                                   .os_hash_algo = *source.os_hash_algo,
                                   .os_hash_value = *source.os_hash_value}};
    }
    const bool goes_on = source_ && source_->id == source.id && from == size_ && to == size_;
    if (goes_on) {
      size_ += count;
      progress_->set(size_);
    } else {
      grown(to, to + count);
    }
    return count;
  });
}

std::size_t Upload::read(std::uint64_t offset, std::span<std::byte> into) const {
  return spool_->read(offset, into);
}

std::uint64_t Upload::size() const {
  MutexLock lock(mutex_);
  return size_;
}

std::optional<std::uint64_t> Upload::seek(std::uint64_t offset, bool hole) const {
  return spool_->seek(offset, hole);
}

bool Upload::acknowledged() const {
  MutexLock lock(mutex_);
  return state_ != State::open && !failure_;
}

void Upload::check() const {
  MutexLock lock(mutex_);
  require_alive();
}

void Upload::sync() {
  attempt([&]() REQUIRES(mutex_) { spool_->sync(); });
}

Digests Upload::digests() {
  if (source_ && source_->size == size_) return source_->digests;
  forget_source();
  return digester_.finish(size_);
}

/// Records what a close(2) answers. Other uploads may have taken of the quota meanwhile.
void Upload::record_acknowledgement(const std::function<bool(Session&)>& record) {
  const bool recorded = database_.write([&, size = size_](Session& sql) {
    if (config_.user_storage_quota > 0) {
      const auto image = rows::select_image(sql, id_);
      if (!image) return false;
      DataLimit::of(sql, config_, image->owner).require(0, size);
    }
    return record(sql);
  });
  if (!recorded) throw deleted();
}

/// No close is acknowledged whose data the store does not hold: nobody could read the image.
void Upload::require_size() const {
  const std::uint64_t stored = spool_->size();
  if (stored == size_) return;
  throw Error(Errc::corrupt, "image " + id_.text() + " was written with " + std::to_string(size_) +
                                 " bytes, but " + std::to_string(stored) + " are in the store");
}

void Upload::seal_locked() {
  if (state_ == State::sealed) return;
  // Read now, not when the upload began: `cp --preserve=xattr` sets attributes after the data.
  std::optional<Image> image;
  Expectation expected;
  database_.read([&](Session& sql) {
    image = rows::select_image(sql, id_);
    expected = rows::select_expectation(sql, id_);
  });
  if (!image) throw deleted();
  require_verifiable(*image);
  rows::SealedData data = examine(*image, *spool_, size_, digests(), options_.detect_format);
  require_expected(merged(normalized(options_.expected), expected), *spool_, data);
  spool_->sync();
  require_size();
  record_acknowledgement([&](Session& sql) { return rows::seal_upload(sql, id_, data, now()); });
  sealed_digests_ = std::move(data.digests);
  state_ = State::sealed;
}

void Upload::seal() {
  attempt([&]() REQUIRES(mutex_) {
    if (!published_) seal_locked();
  });
}

void Upload::acknowledge() {
  attempt([&]() REQUIRES(mutex_) {
    if (published_ || state_ != State::open) return;
    spool_->sync();
    require_size();
    record_acknowledgement(
        [&, size = size_](Session& sql) { return rows::close_upload(sql, id_, size, now()); });
    state_ = State::closed;
  });
}

/// Before the data change: what was acknowledged is not what will be there.
void Upload::reopen() {
  if (published_) throw Error(Errc::immutable, "the data of an active image never change");
  if (state_ == State::open) return;
  if (!database_.write([&](Session& sql) { return rows::reopen_upload(sql, id_, now()); })) {
    throw deleted();
  }
  state_ = State::open;
}

/// While a store takes the data nothing else may become of them.
void Upload::wait_for_put(MutexLock& lock) const {
  while (putting_) put_over_.wait(lock);
}

/// Without the lock, since it may take minutes: who asks for the size must not wait so long.
Location Upload::put(MutexLock& lock) {
  struct Putting {
    explicit Putting(Upload& upload) : upload_(upload) { upload_.putting_ = true; }
    ~Putting() {
      upload_.putting_ = false;
      upload_.put_over_.notify_all();
    }
    Upload& upload_;
  };
  const Digests digests = sealed_digests_;
  const Putting putting(*this);
  const MutexUnlock unlocked(lock);
  return stores_.default_store().put(*spool_, digests);
}

Image Upload::publish() {
  MutexLock lock(mutex_);
  wait_for_put(lock);
  return keeping_failure([&]() REQUIRES(mutex_) {
    if (published_) return *published_;
    // What was acknowledged stays for recovery, whatever fails from now on.
    publishing_ = state_ != State::open;
    seal_locked();
    publishing_ = true;
    published_ = record_publication(database_, stores_, spool_.get(), id_, put(lock));
    if (!published_) {
      over_ = true;
      throw deleted();
    }
    return *published_;
  });
}

void Upload::abandon(const std::string& why) noexcept {
  MutexLock lock(mutex_);
  wait_for_put(lock);
  take_back(why);
}

void Upload::take_back(const std::string& why) noexcept {
  if (published_ || over_) return;
  over_ = true;
  try {
    spdlog::info("upload of image {} is taken back: {}", id_.text(), why);
    reopen();
    discard_upload(database_, spool_.get(), id_);
  } catch (const std::exception& error) {
    // The row stays; recovery finds it with its lock free and does the same.
    spdlog::error("taking back the upload of image {}: {}", id_.text(), error.what());
  }
}

}  // namespace glance
