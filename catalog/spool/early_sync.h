// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <thread>
#include <utility>

#include <unistd.h>

#include "catalog/base/sync.h"

namespace glance {

/// Syncs a file in the background while it grows, so that the fsync(2) at its end finds little to
/// wait for: the disk, and what caches below it, work while the bytes still come. Small files never
/// start its thread.
///
/// Safe for concurrent use. The descriptor must outlive it; destruction waits for a running sync.
class EarlySync {
 public:
  /// As fdatasync(2).
  using Sync = std::function<int(int fd)>;

  explicit EarlySync(int fd, Sync sync = ::fdatasync) : fd_(fd), sync_(std::move(sync)) {}
  ~EarlySync();
  EarlySync(const EarlySync&) = delete;
  EarlySync& operator=(const EarlySync&) = delete;

  /// So many more bytes were written. Never waits for the disk.
  void written(std::uint64_t bytes) EXCLUDES(mutex_);

  /// Throws what a sync in the background has failed with: io, no_space, …. The kernel tells a
  /// descriptor of a lost write only once, so that no later fsync(2) would.
  void require_success() EXCLUDES(mutex_);

  /// The same once no sync is running any more: for after an fsync(2), whose error one that runs
  /// beside it may be told instead.
  void require_end_in_success() EXCLUDES(mutex_);

 private:
  void run() EXCLUDES(mutex_);
  void throw_failure() const REQUIRES(mutex_);

  const int fd_;
  const Sync sync_;
  Mutex mutex_;  // a leaf
  std::condition_variable_any wake_;
  std::condition_variable_any ended_;
  std::uint64_t unsynced_ GUARDED_BY(mutex_) = 0;  // bytes
  int error_ GUARDED_BY(mutex_) = 0;               // an errno
  bool running_ GUARDED_BY(mutex_) = false;        // a sync
  int waiting_ GUARDED_BY(mutex_) = 0;             // for its end; meanwhile none begins
  bool stopping_ GUARDED_BY(mutex_) = false;
  bool hopeless_ GUARDED_BY(mutex_) = false;  // no thread to be had
  std::thread thread_;                        // the writer's
};

}  // namespace glance
