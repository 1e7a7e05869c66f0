// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>

#include <sys/types.h>

#include "catalog/base/sync.h"
#include "catalog/catalog.h"
#include "catalog/model/digests.h"
#include "catalog/os/unique_fd.h"
#include "fusefs/tree/image_index.h"

namespace glance::fs {

/// The file of an image whose data are still to come from this mount, and what its closes mean.
///
/// The kernel sends a flush for every closed descriptor, duplicates in children included, and one
/// release after the last of an open. Two kinds of writers are told apart:
///
///  - a *stream* (O_WRONLY): a flush of the opener that leaves it no other descriptor seals what
///    was written: its answer is close(2)'s, and from then on recovery publishes the image
///    whatever happens. The last release publishes.
///  - an *editor* (O_RDWR at least once) may come back: that flush only makes the bytes durable
///    and notes that they were meant. Digests are made at the publication, which publish() is for
///    once nobody has the file open.
///
/// A writer that exits with an error while it has the file open takes the upload back: a truncated
/// image must not look whole. Only the process that opened the file first may open it again before
/// the data are published.
///
/// Safe for concurrent use; its mutex ranks first (sync.h). All verbs but the const ones block on
/// disk.
class PendingFile {
 public:
  struct Target {
    ImageId id;
    Inode inode = 0;
    Inode descriptor_inode = 0;  ///< what the opened path had: another one's if that is replaced
    bool created = false;        ///< made by this open: it goes away if its data never come whole
    std::optional<Replacement> replaces;
  };

  /// `opener`: the thread that made or opened the file.
  PendingFile(Catalog& catalog, Caller caller, Target target, pid_t opener);
  PendingFile(const PendingFile&) = delete;
  PendingFile& operator=(const PendingFile&) = delete;

  /// One more open of the file. False if that was too late: the data are published or lost.
  enum class Access { read, write, read_write };
  [[nodiscard]] bool open(Access access) EXCLUDES(mutex_);

  /// Leaves the image to another process's file, where nobody has this one open and nothing was
  /// written: from then on it is finished(). False if that was too late; then it stays as it is.
  [[nodiscard]] bool give_way() EXCLUDES(mutex_);

  /// The first of these begins the upload. Errors: Upload's, which repeat.
  void write(std::uint64_t offset, std::span<const std::byte> bytes, pid_t thread) EXCLUDES(mutex_);
  void truncate(std::uint64_t size, pid_t thread) EXCLUDES(mutex_);
  void allocate(std::uint64_t offset, std::uint64_t size, bool grow, pid_t thread) EXCLUDES(mutex_);
  std::uint64_t copy(const Image& source, const BlobReader& reader, std::uint64_t from,
                     std::uint64_t to, std::uint64_t size, pid_t thread) EXCLUDES(mutex_);

  std::size_t read(std::uint64_t offset, std::span<std::byte> into) const EXCLUDES(mutex_);
  [[nodiscard]] std::optional<std::uint64_t> seek(std::uint64_t offset, bool hole) const
      EXCLUDES(mutex_);

  /// A descriptor was closed by `thread`; `device` is the mount's st_dev.
  void flush(pid_t thread, dev_t device) EXCLUDES(mutex_);
  void sync() EXCLUDES(mutex_);

  /// The last descriptor of one open is gone. A stream without writers is published; what has
  /// failed before, as its writer knows, is taken back. Error: what the publication failed with;
  /// nobody but the log hears of it.
  void release(Access access) EXCLUDES(mutex_);

  /// Publishes a closed editor that nobody has open; does nothing to any other file. Errors:
  /// Upload::publish()'s.
  void publish_closed() EXCLUDES(mutex_);

  /// The mount is gone, and perhaps a release with it: what a close() acknowledged is published,
  /// all else is taken back. Never throws.
  void abandon() noexcept EXCLUDES(mutex_);

  /// Waits while a release must be on the way, up to a second from the seal (a shorter while after
  /// a flush that sealed nothing): what close(2) promised is there for all.
  void wait_for_release() const EXCLUDES(release_mutex_);

  /// Waits until nobody has an editor's file open, up to a second from its last close by the
  /// opener: the kernel tells of the release a moment later.
  void wait_for_last_release() const EXCLUDES(release_mutex_);

  [[nodiscard]] const ImageId& id() const noexcept { return target_.id; }
  [[nodiscard]] Inode inode() const noexcept { return target_.inode; }
  [[nodiscard]] Inode descriptor_inode() const noexcept { return target_.descriptor_inode; }

  /// Bytes so far; nothing before the first. Never blocks: stat(2) must not wait for a close in
  /// progress.
  [[nodiscard]] std::optional<std::uint64_t> size() const noexcept;

  /// Whether the thread's process opened it first. Nobody's if that process could not be seen.
  [[nodiscard]] bool belongs_to(pid_t thread) const noexcept;

  /// The opener's pidfd, which poll(2) finds readable once it has exited; -1 where it is unknown.
  [[nodiscard]] int opener_fd() const noexcept { return opener_fd_.get(); }
  [[nodiscard]] bool opener_has_exited() const noexcept;

  // These never block either.
  [[nodiscard]] bool has_handles() const noexcept { return handles_ > 0; }

  /// Whether somebody has it open for writing, and so will publish it.
  [[nodiscard]] bool has_writing_handles() const noexcept { return writing_handles_ > 0; }

  /// The data are published or lost, or another file's to bring: the image is on its own.
  [[nodiscard]] bool finished() const noexcept { return finished_; }

  /// Nothing was ever written or sized.
  [[nodiscard]] bool untouched() const noexcept { return !touched_ && !finished_; }

 private:
  using ExpectedUntil = std::optional<std::chrono::steady_clock::time_point>;

  Upload& begun(pid_t thread) REQUIRES(mutex_);
  template <typename Step>
  auto attempt(Step&& step) REQUIRES(mutex_);
  [[nodiscard]] std::shared_ptr<Upload> upload() const EXCLUDES(mutex_);
  void require_alive() const REQUIRES(mutex_);
  void note_writer(pid_t thread) REQUIRES(mutex_);
  void acknowledge() REQUIRES(mutex_);
  void writer_died(int code) REQUIRES(mutex_);
  void publish() REQUIRES(mutex_);
  void give_up() REQUIRES(mutex_);
  void remove_unfilled() REQUIRES(mutex_);
  void finish() REQUIRES(mutex_);
  void expect_release(std::optional<std::chrono::milliseconds> within) EXCLUDES(release_mutex_);
  void expect_last_release(bool expected) EXCLUDES(release_mutex_);
  void wait_until(MutexLock& lock, const ExpectedUntil& expected) const REQUIRES(release_mutex_);

  Catalog& catalog_;
  const Caller caller_;
  const Target target_;
  const std::optional<pid_t> opener_;
  const UniqueFd opener_fd_;

  mutable Mutex mutex_;  // first in the lock order, see sync.h
  bool editor_ GUARDED_BY(mutex_) = false;
  std::set<pid_t> writer_threads_ GUARDED_BY(mutex_);
  std::set<pid_t> writers_ GUARDED_BY(mutex_);  // processes
  std::shared_ptr<Upload> upload_ GUARDED_BY(mutex_);
  // The first failure, which every later verb repeats: a gap that nobody notices is worse.
  std::optional<Error> failure_ GUARDED_BY(mutex_);

  // Changed under mutex_, and looked at without it: a step may take as long as its digests.
  std::atomic<bool> finished_ = false;
  std::atomic<unsigned> handles_ = 0;
  std::atomic<unsigned> writing_handles_ = 0;
  std::atomic<bool> touched_ = false;
  std::atomic<std::uint64_t> size_ = 0;

  mutable Mutex release_mutex_;  // a leaf
  mutable std::condition_variable_any settled_;
  ExpectedUntil release_expected_until_ GUARDED_BY(release_mutex_);
  ExpectedUntil last_release_expected_until_ GUARDED_BY(release_mutex_);
};

/// Logs that data were not published, and why. That the image was deleted while it was written is
/// somebody's wish, and no failure of ours.
void log_not_published(const ImageId& id, const std::exception& error) noexcept;

}  // namespace glance::fs
