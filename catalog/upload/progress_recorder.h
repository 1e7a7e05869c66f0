// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "catalog/base/sync.h"
#include "catalog/model/image.h"

namespace glance {

class Database;
class Session;

/// Tells other processes how far the uploads of this one have come, so that a mount shows an image
/// grow, whoever writes it. What it records are no data: they may be late, missing, or lost with
/// the machine's power.
///
/// A thread of its own writes them down (rows/progress_rows.h), half a second after there was news,
/// or at once after another 64 MiB. No upload waits for it, and it waits for nobody: when the
/// database is locked it leaves that beat out. Safe for concurrent use.
class ProgressRecorder {
  struct Growth;

 public:
  /// One upload's part. Costs an upload next to nothing.
  class Counter {
   public:
    Counter(ProgressRecorder& recorder, std::shared_ptr<Growth> growth);
    ~Counter();
    Counter(const Counter&) = delete;
    Counter& operator=(const Counter&) = delete;

    /// Its size is now `size` bytes. One thread at a time.
    void set(std::uint64_t size);

   private:
    ProgressRecorder& recorder_;
    const std::shared_ptr<Growth> growth_;
    std::uint64_t urgent_from_;  // bytes
  };

  /// `database` must outlive it.
  explicit ProgressRecorder(Database& database);
  ~ProgressRecorder();
  ProgressRecorder(const ProgressRecorder&) = delete;
  ProgressRecorder& operator=(const ProgressRecorder&) = delete;

  /// Begins to follow an image's upload, for as long as the counter lives, which the recorder must
  /// outlive.
  [[nodiscard]] std::unique_ptr<Counter> follow(const ImageId& id) EXCLUDES(mutex_);

 private:
  using Clock = std::chrono::steady_clock;

  struct Growth {
    explicit Growth(ImageId image) : id(std::move(image)) {}

    const ImageId id;
    std::atomic<std::uint64_t> size = 0;  // bytes
    std::atomic<bool> has_news = false;
    std::uint64_t recorded = 0;  // bytes; the recording thread's
  };
  using Growths = std::vector<std::shared_ptr<Growth>>;

  void announce(bool urgent) EXCLUDES(mutex_);
  void forget(const std::shared_ptr<Growth>& growth) EXCLUDES(mutex_);
  void run() EXCLUDES(mutex_);
  [[nodiscard]] std::optional<Growths> wait_for_news() EXCLUDES(mutex_);
  void beat(const Growths& growths) noexcept EXCLUDES(mutex_);
  [[nodiscard]] bool record(const Growths& growths);

  Database& database_;
  std::unique_ptr<Session> session_;  // the recording thread's
  Mutex mutex_;                       // a leaf, see sync.h
  std::condition_variable_any changed_;
  Growths growths_ GUARDED_BY(mutex_);
  std::optional<Clock::time_point> due_ GUARDED_BY(mutex_);  // of the next beat, if there is news
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::thread thread_ GUARDED_BY(mutex_);
};

}  // namespace glance
