// SPDX-License-Identifier: Apache-2.0
#include "catalog/recovery_loop.h"

#include <exception>

#include <spdlog/spdlog.h>

#include "catalog/catalog.h"

namespace glance {

void recover(Catalog& catalog) {
  const auto report = catalog.recover();
  if (report.published + report.discarded + report.removed == 0) return;
  spdlog::info("recovery: {} uploads published, {} discarded, data of {} deleted images removed",
               report.published, report.discarded, report.removed);
}

RecoveryLoop::RecoveryLoop(Catalog& catalog, std::chrono::seconds interval)
    : catalog_(catalog), interval_(interval), thread_([this] { run(); }) {}

RecoveryLoop::~RecoveryLoop() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void RecoveryLoop::run() {
  for (;;) {
    {
      MutexLock lock(mutex_);
      const auto until = std::chrono::steady_clock::now() + interval_;
      while (!stopping_ && std::chrono::steady_clock::now() < until) wake_.wait_until(lock, until);
      if (stopping_) return;
    }
    try {
      recover(catalog_);
    } catch (const std::exception& error) {
      spdlog::warn("recovery failed, and will be tried again: {}", error.what());
    }
  }
}

}  // namespace glance
