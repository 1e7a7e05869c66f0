// SPDX-License-Identifier: Apache-2.0
#include "fusefs/cache_keeper.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <iterator>
#include <utility>

#include <spdlog/spdlog.h>

namespace glance::fs {

namespace {

// Changes by others are promised within a second; a look costs microseconds.
constexpr std::chrono::milliseconds kInterval{200};

}  // namespace

CacheKeeper::CacheKeeper(std::function<void()> refresh,
                         std::function<void(const Invalidation&)> forget)
    : refresh_(std::move(refresh)), forget_(std::move(forget)) {}

void CacheKeeper::start() {
  thread_ = std::thread([this] { run(); });
}

void CacheKeeper::stop() noexcept {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void CacheKeeper::enqueue(std::vector<Invalidation> invalidations) {
  {
    MutexLock lock(mutex_);
    std::ranges::move(invalidations, std::back_inserter(queue_));
  }
  wake_.notify_all();
}

void CacheKeeper::look() noexcept {
  try {
    refresh_();
  } catch (const std::exception& error) {
    spdlog::error("reading the change feed: {}", error.what());
  }
}

void CacheKeeper::run() {
  for (;;) {
    std::vector<Invalidation> batch;
    {
      MutexLock lock(mutex_);
      if (queue_.empty() && !stopping_) wake_.wait_for(lock, kInterval);
      if (stopping_) return;
      batch = std::exchange(queue_, {});
    }
    for (const auto& each : batch) forget_(each);
    if (batch.empty()) look();
  }
}

}  // namespace glance::fs
