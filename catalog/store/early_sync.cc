// SPDX-License-Identifier: Apache-2.0
#include "catalog/store/early_sync.h"

#include <cerrno>
#include <system_error>

#include <unistd.h>

#include "catalog/error.h"

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

void EarlySync::require_success() {
  MutexLock lock(mutex_);
  if (error_ != 0) throw_errno(error_, "writing image data back");
}

void EarlySync::run() {
  for (;;) {
    {
      MutexLock lock(mutex_);
      while (!stopping_ && unsynced_ < kStep) wake_.wait(lock);
      if (stopping_) return;
      unsynced_ = 0;
    }
    if (::fdatasync(fd_) == 0) continue;
    const int error = errno;
    MutexLock lock(mutex_);
    if (error_ == 0) error_ = error;
  }
}

}  // namespace glance
