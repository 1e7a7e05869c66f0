// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <functional>
#include <thread>
#include <vector>

#include "catalog/base/sync.h"
#include "fusefs/tree/image_index.h"

namespace glance::fs {

/// Keeps the kernel's caches true: one thread looks at the change feed several times a second,
/// another one tells the kernel what to forget. Telling must not happen inside a request: the
/// kernel may hold the very lock that the notification needs until the request is answered
/// (fuse_lowlevel.h, notify_inval_entry).
///
/// Safe for concurrent use. stop() before what the functions refer to goes away.
class CacheKeeper {
 public:
  /// `refresh` looks for changes and may block; `forget` notifies the kernel. The thread that calls
  /// `forget`, and nothing else, calls `prepare` before.
  CacheKeeper(std::function<void()> refresh, std::function<void()> prepare,
              std::function<void(const Invalidation&)> forget);
  ~CacheKeeper() { stop(); }
  CacheKeeper(const CacheKeeper&) = delete;
  CacheKeeper& operator=(const CacheKeeper&) = delete;

  void start();
  void stop() noexcept EXCLUDES(mutex_);

  /// Has these told to the kernel soon. Never blocks for long.
  void enqueue(std::vector<Invalidation> invalidations) EXCLUDES(mutex_);

 private:
  void watch() EXCLUDES(mutex_);
  void tell() EXCLUDES(mutex_);
  void look() noexcept;

  const std::function<void()> refresh_;
  const std::function<void()> prepare_;
  const std::function<void(const Invalidation&)> forget_;
  Mutex mutex_;  // a leaf, see sync.h
  std::condition_variable_any queued_;
  std::condition_variable_any stopped_;
  std::vector<Invalidation> queue_ GUARDED_BY(mutex_);
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::thread watcher_;
  std::thread teller_;
};

}  // namespace glance::fs
