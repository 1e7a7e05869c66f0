// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <string>
#include <thread>

#include "catalog/base/sync.h"
#include "catalog/database/database.h"
#include "catalog/os/machine.h"

namespace glance {

/// This process among those that work on the catalog: what the others know it by while it has data
/// on their way. Its row is made with the first of them; its heartbeat moves as long as there are
/// any, and whoever on another machine sees it stand still for kSilence takes the process for dead
/// (instance_watch.h). Destruction removes the row.
///
/// Safe for concurrent use; a leaf in the lock order. The database must outlive it.
class Instance {
 public:
  static constexpr std::chrono::milliseconds kBeat{5'000};
  static constexpr std::chrono::milliseconds kSilence{20'000};  ///< some beats may come late

  Instance(Database& database, std::shared_ptr<const Machine> machine,
           std::chrono::milliseconds beat = kBeat);
  ~Instance();
  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;

  /// Data on their way, from before the transaction that records them until their writer has done
  /// with them. The instance must outlive it.
  class Work {
   public:
    explicit Work(Instance& instance);
    ~Work();
    Work(const Work&) = delete;
    Work& operator=(const Work&) = delete;

    /// Sees to the instance's row, in the transaction that is to refer to it; returns its id.
    /// Error: io (the machine cannot be told from others).
    const std::string& sign(Session& sql) const;

   private:
    Instance& instance_;
  };

 private:
  void run() EXCLUDES(mutex_);
  void beat() noexcept;

  Database& database_;
  const std::shared_ptr<const Machine> machine_;
  const std::chrono::milliseconds beat_;
  const std::string id_;
  Mutex mutex_;  // a leaf
  std::condition_variable_any changed_;
  std::size_t works_ GUARDED_BY(mutex_) = 0;
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::thread thread_ GUARDED_BY(mutex_);  // begun with the first work
};

}  // namespace glance
