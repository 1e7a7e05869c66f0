// SPDX-License-Identifier: Apache-2.0
#include "fusefs/kernel/cache_keeper.h"

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

CacheKeeper::CacheKeeper(std::function<void()> refresh, std::function<void()> prepare,
                         std::function<void(const Invalidation&)> forget)
    : refresh_(std::move(refresh)), prepare_(std::move(prepare)), forget_(std::move(forget)) {}

void CacheKeeper::start() {
  teller_ = std::thread([this] { tell(); });
  watcher_ = std::thread([this] { watch(); });
}

void CacheKeeper::stop() noexcept {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  stopped_.notify_all();
  queued_.notify_all();
  for (std::thread* thread : {&watcher_, &teller_}) {
    if (thread->joinable()) thread->join();
  }
}

void CacheKeeper::enqueue(std::vector<Invalidation> invalidations) {
  {
    MutexLock lock(mutex_);
    std::ranges::move(invalidations, std::back_inserter(queue_));
  }
  queued_.notify_all();
}

void CacheKeeper::look() noexcept {
  try {
    refresh_();
  } catch (const std::exception& error) {
    spdlog::error("reading the change feed: {}", error.what());
  }
}

void CacheKeeper::watch() {
  for (;;) {
    {
      MutexLock lock(mutex_);
      if (!stopping_) stopped_.wait_for(lock, kInterval);
      if (stopping_) return;
    }
    look();
  }
}

void CacheKeeper::tell() {
  prepare_();
  for (;;) {
    std::vector<Invalidation> batch;
    {
      MutexLock lock(mutex_);
      while (queue_.empty() && !stopping_) queued_.wait(lock);
      if (stopping_) return;
      batch = std::exchange(queue_, {});
    }
    for (const auto& each : batch) forget_(each);
  }
}

}  // namespace glance::fs
