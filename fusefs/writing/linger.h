// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "catalog/base/sync.h"
#include "catalog/os/unique_fd.h"
#include "fusefs/writing/pending_file.h"

namespace glance::fs {

/// A thread that waits for closed files whose opener may come back: until the opener has exited,
/// or a time has passed.
///
/// Safe for concurrent use. stop() before what `due` refers to goes away.
class Linger {
 public:
  using Clock = std::chrono::steady_clock;

  /// `due` is called once for every file whose wait is over, with no lock held; it may block.
  explicit Linger(std::function<void(const std::shared_ptr<PendingFile>&)> due);
  ~Linger() { stop(); }
  Linger(const Linger&) = delete;
  Linger& operator=(const Linger&) = delete;

  /// Waits for the file; a file that is waited for already gets the new deadline.
  void add(std::shared_ptr<PendingFile> file, Clock::time_point deadline) EXCLUDES(mutex_);

  /// From now on nothing is waited for.
  void hurry() EXCLUDES(mutex_);

  [[nodiscard]] bool empty() const EXCLUDES(mutex_);

  void stop() noexcept EXCLUDES(mutex_);

 private:
  struct Wait {
    std::shared_ptr<PendingFile> file;
    Clock::time_point deadline;
  };

  void run() EXCLUDES(mutex_);
  void sleep(const std::vector<Wait>& waits) const;
  [[nodiscard]] std::vector<Wait> take_due() EXCLUDES(mutex_);
  void wake() noexcept;

  const std::function<void(const std::shared_ptr<PendingFile>&)> due_;
  const UniqueFd wake_;
  mutable Mutex mutex_;  // a leaf, see sync.h
  std::vector<Wait> waits_ GUARDED_BY(mutex_);
  std::size_t working_ GUARDED_BY(mutex_) = 0;  // taken out of waits_, not done yet
  bool hurry_ GUARDED_BY(mutex_) = false;
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::thread thread_ GUARDED_BY(mutex_);
};

}  // namespace glance::fs
