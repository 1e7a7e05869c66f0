// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <condition_variable>
#include <thread>

#include "catalog/base/sync.h"
#include "catalog/upload/recovery.h"

namespace glance {

class Catalog;

/// Runs the catalog's recovery now and then while it lives: an upload that was acknowledged, and
/// whose publication failed or whose daemon died, must not wait for somebody's restart. While it
/// cannot be told whether a writer lives on another machine, it looks again as soon as it can. The
/// catalog must outlive it.
class RecoveryLoop {
 public:
  RecoveryLoop(Catalog& catalog, std::chrono::seconds interval);
  ~RecoveryLoop();
  RecoveryLoop(const RecoveryLoop&) = delete;
  RecoveryLoop& operator=(const RecoveryLoop&) = delete;

 private:
  void run() EXCLUDES(mutex_);

  [[nodiscard]] bool wait(std::chrono::milliseconds time) EXCLUDES(mutex_);

  Catalog& catalog_;
  const std::chrono::milliseconds interval_;
  Mutex mutex_;  // a leaf
  std::condition_variable_any wake_;
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

/// Recovery once, with a word in the log if there was something to do.
RecoveryReport recover(Catalog& catalog);

}  // namespace glance
