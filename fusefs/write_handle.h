// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>

#include <sys/types.h>

#include "catalog/catalog.h"
#include "catalog/sync.h"
#include "fusefs/directory.h"

namespace glance::fs {

/// An image opened for writing, and what its closes mean (design § 5, writing).
///
/// The kernel sends a flush for every closed descriptor, duplicates in children included, and one
/// release after the last. A flush of the opener that leaves it no other descriptor seals what was
/// written: its answer is close(2)'s, and from then on recovery publishes the image whatever
/// happens. Release publishes. A writer that exits with an error while the file is open takes the
/// upload back: a truncated image must not look whole.
///
/// Safe for concurrent use; its mutex ranks first (sync.h). All verbs block on disk.
class WriteHandle {
 public:
  /// `created`: the image was made by this open and goes away if its data never come whole.
  WriteHandle(Catalog& catalog, Caller caller, ImageId id, Inode inode, pid_t opener_thread,
              bool created);
  WriteHandle(const WriteHandle&) = delete;
  WriteHandle& operator=(const WriteHandle&) = delete;

  /// The first write begins the upload. Errors: Upload's, which repeat.
  void write(std::uint64_t offset, std::span<const std::byte> bytes, pid_t thread) EXCLUDES(mutex_);
  void truncate(std::uint64_t size, pid_t thread) EXCLUDES(mutex_);

  /// A descriptor was closed by `thread`; `device` is the mount's st_dev.
  void flush(pid_t thread, dev_t device) EXCLUDES(mutex_);

  void sync() EXCLUDES(mutex_);

  /// The last descriptor is gone. Error: what the publication failed with; nobody but the log
  /// hears of it.
  void release() EXCLUDES(mutex_);

  /// The mount is gone, and perhaps a release with it: what a close() acknowledged is published,
  /// all else is taken back. Never throws.
  void abandon() noexcept EXCLUDES(mutex_);

  [[nodiscard]] const ImageId& id() const noexcept { return id_; }
  [[nodiscard]] Inode inode() const noexcept { return inode_; }

  /// Bytes so far. Never blocks: stat(2) must not wait for a close in progress.
  [[nodiscard]] std::uint64_t size() const noexcept { return size_.load(); }

 private:
  std::shared_ptr<Upload> begun(pid_t thread) REQUIRES(mutex_);
  void require_alive() const REQUIRES(mutex_);
  void note_writer(pid_t thread) REQUIRES(mutex_);
  void writer_died(int code) REQUIRES(mutex_);

  Catalog& catalog_;
  const Caller caller_;
  const ImageId id_;
  const Inode inode_;
  const std::optional<pid_t> opener_;
  const bool created_;
  mutable Mutex mutex_;  // first in the lock order, see sync.h
  std::set<pid_t> writer_threads_ GUARDED_BY(mutex_);
  std::set<pid_t> writers_ GUARDED_BY(mutex_);  // processes
  std::shared_ptr<Upload> upload_ GUARDED_BY(mutex_);
  // The first failure, which every later verb repeats: a gap that nobody notices is worse.
  std::optional<Error> failure_ GUARDED_BY(mutex_);
  std::atomic<std::uint64_t> size_ = 0;
};

}  // namespace glance::fs
