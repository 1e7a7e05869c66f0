// SPDX-License-Identifier: Apache-2.0
#include "catalog/spool/early_sync.h"

#include <cerrno>
#include <system_error>

#include "catalog/base/error.h"

namespace glance {

namespace {

// Large enough that the journal's commits do not count, small enough to be synced in a moment.
constexpr std::uint64_t kStep = std::uint64_t{64} * 1024 * 1024;

}  // namespace

EarlySync::~EarlySync() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void EarlySync::written(std::uint64_t bytes) {
  {
    MutexLock lock(mutex_);
    unsynced_ += bytes;
    if (unsynced_ < kStep || hopeless_) return;
    if (!thread_.joinable()) {
      try {
        thread_ = std::thread([this] { run(); });
      } catch (const std::system_error&) {
        hopeless_ = true;  // then the sync at the end has all to do
      }
    }
  }
  wake_.notify_all();
}

void EarlySync::throw_failure() const {
  if (error_ != 0) throw_errno(error_, "writing image data back");
}

void EarlySync::require_success() {
  MutexLock lock(mutex_);
  throw_failure();
}

void EarlySync::require_end_in_success() {
  MutexLock lock(mutex_);
  ++waiting_;
  while (running_) ended_.wait(lock);
  --waiting_;
  wake_.notify_all();
  throw_failure();
}

void EarlySync::run() {
  for (;;) {
    {
      MutexLock lock(mutex_);
      while (!stopping_ && (unsynced_ < kStep || waiting_ > 0)) wake_.wait(lock);
      if (stopping_) return;
      unsynced_ = 0;
      running_ = true;
    }
    const int error = sync_(fd_) == 0 ? 0 : errno;
    {
      MutexLock lock(mutex_);
      running_ = false;
      if (error_ == 0) error_ = error;
    }
    ended_.notify_all();
  }
}

}  // namespace glance
