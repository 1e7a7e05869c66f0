// SPDX-License-Identifier: Apache-2.0
#include "fusefs/writing/pending_file.h"

#include <algorithm>
#include <utility>

#include <spdlog/spdlog.h>

#include "fusefs/writing/process.h"

namespace glance::fs {

namespace {

// A release follows the flush of the last descriptor within milliseconds. After a flush that sealed
// it is expected; after any other one somebody else may well have the file open.
constexpr std::chrono::milliseconds kSealedWait{1000};
constexpr std::chrono::milliseconds kFlushedWait{200};

UniqueFd watch(const std::optional<pid_t>& process) {
  return process ? open_process(*process) : UniqueFd();
}

}  // namespace

PendingFile::PendingFile(Catalog& catalog, Caller caller, Target target, pid_t opener)
    : catalog_(catalog),
      caller_(std::move(caller)),
      target_(std::move(target)),
      opener_(process_of(opener)),
      opener_fd_(watch(opener_)) {
  if (opener_) writers_.insert(*opener_);
}

bool PendingFile::open(Access access) {
  MutexLock lock(mutex_);
  if (finished_) return false;
  ++handles_;
  if (access != Access::read) ++writing_handles_;
  if (access == Access::read_write) editor_ = true;
  expect_last_release(false);
  return true;
}

bool PendingFile::give_way() {
  MutexLock lock(mutex_);
  if (handles_ > 0 || !untouched()) return finished_;
  finish();
  return true;
}

// ── data ──────────────────────────────────────────────────────────────────────────────────────

/// Runs one step; its failure stays.
template <typename Step>
auto PendingFile::attempt(Step&& step) {
  try {
    return step();
  } catch (const Error& error) {
    failure_ = error;
    throw;
  }
}

Upload& PendingFile::begun(pid_t thread) {
  require_alive();
  note_writer(thread);
  expect_release(std::nullopt);
  if (upload_) return *upload_;
  upload_ = attempt([&] {
    return catalog_.upload(caller_, target_.id,
                           {.origin = UploadOrigin::mount,
                            .owns_image = target_.created,
                            .detect_format = true,
                            .replaces = target_.replaces});
  });
  touched_ = true;
  return *upload_;
}

void PendingFile::require_alive() const {
  if (failure_) throw *failure_;
  if (finished_) throw Error(Errc::immutable, "the data of an active image never change");
}

/// Remembers whose exit would tell that the data are not whole.
void PendingFile::note_writer(pid_t thread) {
  if (!writer_threads_.insert(thread).second) return;
  if (const auto process = process_of(thread)) writers_.insert(*process);
}

void PendingFile::write(std::uint64_t offset, std::span<const std::byte> bytes, pid_t thread) {
  MutexLock lock(mutex_);
  Upload& target = begun(thread);
  attempt([&] { target.write(offset, bytes); });
  size_ = std::max(size_.load(), offset + bytes.size());
}

void PendingFile::truncate(std::uint64_t size, pid_t thread) {
  MutexLock lock(mutex_);
  // open(O_TRUNC) of an image that has no data yet says nothing.
  if (size == 0 && !upload_) return require_alive();
  Upload& target = begun(thread);
  attempt([&] { target.truncate(size); });
  size_ = size;
}

void PendingFile::allocate(std::uint64_t offset, std::uint64_t size, bool grow, pid_t thread) {
  MutexLock lock(mutex_);
  begun(thread).allocate(offset, size, grow);  // that there is no room spoils nothing
  if (grow) size_ = std::max(size_.load(), offset + size);
}

std::uint64_t PendingFile::copy(const Image& source, const BlobReader& reader, std::uint64_t from,
                                std::uint64_t to, std::uint64_t size, pid_t thread) {
  MutexLock lock(mutex_);
  Upload& target = begun(thread);
  const auto count = attempt([&] { return target.copy(source, reader, from, to, size); });
  size_ = std::max(size_.load(), to + count);
  return count;
}

std::shared_ptr<Upload> PendingFile::upload() const {
  MutexLock lock(mutex_);
  if (failure_) throw *failure_;
  return upload_;
}

std::size_t PendingFile::read(std::uint64_t offset, std::span<std::byte> into) const {
  const auto source = upload();
  return source ? source->read(offset, into) : 0;
}

std::optional<std::uint64_t> PendingFile::seek(std::uint64_t offset, bool hole) const {
  const auto source = upload();
  return source ? source->seek(offset, hole) : std::nullopt;
}

// ── closes ────────────────────────────────────────────────────────────────────────────────────

void PendingFile::flush(pid_t thread, dev_t device) {
  MutexLock lock(mutex_);
  const auto process = process_of(thread);
  const auto code = exit_code(thread);
  if (code && *code != 0 && process && writers_.contains(*process)) return writer_died(*code);
  if (failure_) throw *failure_;
  if (!upload_ || finished_) return;
  const bool opener_closes = process && opener_ && *process == *opener_;
  // Where it cannot be told whether the opener goes on writing, the release decides.
  if (opener_closes && has_descriptor(*process, target_.descriptor_inode, device) == false) {
    attempt([&]() REQUIRES(mutex_) { acknowledge(); });
  } else {
    upload_->check();
    if (!editor_) expect_release(kFlushedWait);
  }
}

/// What close(2) of the last descriptor of the opener answers.
void PendingFile::acknowledge() {
  if (editor_) {
    upload_->acknowledge();
    return expect_last_release(true);
  }
  upload_->seal();
  expect_release(kSealedWait);
}

void PendingFile::writer_died(int code) {
  const std::string why = (code & 0x7f) != 0
                              ? "its writer was killed by signal " + std::to_string(code & 0x7f)
                              : "its writer exited with status " + std::to_string(code >> 8);
  if (failure_ || finished_) return;
  failure_ = Error(Errc::io, "the upload of image " + target_.id.text() + " was discarded: " + why);
  if (upload_) {
    upload_->abandon(why);
    upload_.reset();
  } else {
    remove_unfilled();
  }
}

void PendingFile::sync() {
  MutexLock lock(mutex_);
  if (failure_) throw *failure_;
  if (!upload_ || finished_) return;
  attempt([&]() REQUIRES(mutex_) { upload_->sync(); });
}

void PendingFile::release(Access access) {
  MutexLock lock(mutex_);
  if (--handles_ == 0) expect_last_release(false);
  if (access != Access::read) --writing_handles_;
  if (finished_ || writing_handles_ > 0) return;
  // Overwriting by nothing at all leaves the old image where it is.
  if (failure_ || (!upload_ && target_.replaces)) return give_up();
  if (!upload_) return;
  if (!editor_) {
    expect_release(kSealedWait);  // it may have to seal first
    return publish();
  }
  if (handles_ == 0) upload_->acknowledge();
}

void PendingFile::publish_closed() {
  MutexLock lock(mutex_);
  if (finished_ || handles_ > 0 || !editor_ || !upload_ || failure_) return;
  publish();
}

void PendingFile::publish() {
  try {
    upload_->publish();
  } catch (const Error& error) {
    failure_ = error;
    upload_.reset();  // takes back what nobody was promised
    finish();
    throw;
  }
  finish();
}

void PendingFile::give_up() {
  finish();
  if (upload_) {
    upload_->abandon(failure_->what());
    upload_.reset();
  } else if (!touched_) {
    remove_unfilled();
  }
}

/// Not a single byte was taken here. Somebody else may be filling the image by now: then it stays.
void PendingFile::remove_unfilled() {
  if (!target_.created) return;
  const auto is_queued = [](const Image& image) { return image.status == ImageStatus::queued; };
  try {
    catalog_.remove(caller_, target_.id, is_queued);
    spdlog::info("image {} is removed again: nothing was written to it", target_.id.text());
  } catch (const Error& error) {
    spdlog::info("image {} stays, though nothing was written to it: {}", target_.id.text(),
                 error.what());
  }
}

void PendingFile::finish() {
  finished_ = true;
  {
    const MutexLock lock(release_mutex_);  // nobody is between the look at the flag and the wait
  }
  settled_.notify_all();
}

void PendingFile::expect_release(std::optional<std::chrono::milliseconds> within) {
  const MutexLock lock(release_mutex_);
  release_expected_until_.reset();
  if (within) release_expected_until_ = std::chrono::steady_clock::now() + *within;
}

void PendingFile::expect_last_release(bool expected) {
  {
    const MutexLock lock(release_mutex_);
    last_release_expected_until_.reset();
    if (expected) last_release_expected_until_ = std::chrono::steady_clock::now() + kSealedWait;
  }
  settled_.notify_all();
}

void PendingFile::abandon() noexcept {
  MutexLock lock(mutex_);
  if (finished_) return;
  finish();
  const auto upload = std::exchange(upload_, nullptr);
  try {
    if (upload && upload->acknowledged()) upload->publish();
    if (!upload && target_.replaces) remove_unfilled();
  } catch (const std::exception& error) {
    log_not_published(target_.id, error);
  }
}

void PendingFile::wait_for_release() const {
  MutexLock lock(release_mutex_);
  wait_until(lock, release_expected_until_);
}

void PendingFile::wait_for_last_release() const {
  MutexLock lock(release_mutex_);
  wait_until(lock, last_release_expected_until_);
}

/// Until then, or until nothing is to be waited for any more. `expected` may change meanwhile.
void PendingFile::wait_until(MutexLock& lock, const ExpectedUntil& expected) const {
  while (!finished_ && expected && std::chrono::steady_clock::now() < *expected) {
    const auto until = *expected;
    settled_.wait_until(lock, until);
  }
}

// ── looks ─────────────────────────────────────────────────────────────────────────────────────

std::optional<std::uint64_t> PendingFile::size() const noexcept {
  if (!touched_) return std::nullopt;
  return size_.load();
}

bool PendingFile::belongs_to(pid_t thread) const noexcept {
  const auto process = process_of(thread);
  return process && opener_ && *process == *opener_;
}

bool PendingFile::opener_has_exited() const noexcept {
  return opener_fd_ && has_exited(opener_fd_.get());
}

void log_not_published(const ImageId& id, const std::exception& error) noexcept {
  const auto* known = dynamic_cast<const Error*>(&error);
  const bool gone = known != nullptr && known->code() == Errc::gone;
  spdlog::log(gone ? spdlog::level::info : spdlog::level::err, "image {} was not published: {}",
              id.text(), error.what());
}

}  // namespace glance::fs
