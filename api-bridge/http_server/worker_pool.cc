// SPDX-License-Identifier: Apache-2.0
#include "api-bridge/http_server/worker_pool.h"

#include <algorithm>
#include <chrono>
#include <system_error>
#include <utility>

#include <spdlog/spdlog.h>

namespace glance::api {
namespace {

using namespace std::chrono_literals;

constexpr auto kPatience = 10ms;
constexpr auto kSpareTime = 1s;  // without a job, until a spare thread leaves

}  // namespace

WorkerPool::Ticket::Ticket(WorkerPool& pool) : pool_(&pool) {
  ++pool.waiting_;
  if (pool.watching_) return;
  const MutexLock lock(pool.mutex_);
  pool.changed_.notify_one();
}

void WorkerPool::Ticket::begin() noexcept {
  const auto pool = std::exchange(pool_, nullptr);
  if (pool == nullptr) return;
  --pool->waiting_;
  ++pool->begun_;
}

WorkerPool::WorkerPool(std::size_t usual) : open_(jobs_.get_executor()) {
  for (std::size_t i = 0; i < std::max<std::size_t>(1, usual); ++i) {
    threads_.emplace_back([this] { jobs_.run(); });
  }
  watcher_ = std::jthread([this] { watch(); });
}

WorkerPool::~WorkerPool() {
  stop();
  join();
}

void WorkerPool::stop() {
  jobs_.stop();
  const MutexLock lock(mutex_);
  stopped_ = true;
  changed_.notify_one();
}

void WorkerPool::join() {
  if (watcher_.joinable()) watcher_.join();  // first: it adds threads
  threads_.clear();
  spares_.clear();
}

/// Looks every kPatience whether jobs get stuck, while there are any.
void WorkerPool::watch() {
  MutexLock lock(mutex_);
  while (!stopped_) {
    // In this order: who comes now either sees that nobody watches, or is seen.
    watching_ = false;
    while (!stopped_ && waiting_ == 0) changed_.wait(lock);
    watching_ = true;
    for (bool busy = true; busy && !stopped_;) {
      const auto before = begun_.load();
      changed_.wait_for(lock, kPatience);
      const bool progress = begun_ != before;
      if (waiting_ > 0 && !progress) add_spare();
      busy = waiting_ > 0 || progress;
    }
  }
}

void WorkerPool::add_spare() {
  const auto free = std::ranges::find_if(spares_, [](const Spare& each) { return !each.is_used; });
  if (free == spares_.end()) return;
  try {
    free->is_used = true;
    free->thread = std::jthread([this, &spare = *free] {
      while (jobs_.run_one_for(kSpareTime) > 0) continue;
      spare.is_used = false;
    });
  } catch (const std::system_error& error) {
    free->is_used = false;
    if (const auto kept_back = failures_.admit()) {
      spdlog::warn("no further thread for what waits: {}{}", error.what(), and_more(*kept_back));
    }
  }
}

}  // namespace glance::api
