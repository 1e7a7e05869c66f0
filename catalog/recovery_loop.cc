// SPDX-License-Identifier: Apache-2.0
#include "catalog/recovery_loop.h"

#include <algorithm>
#include <exception>

#include <spdlog/spdlog.h>

#include "catalog/catalog.h"
#include "catalog/upload/instance.h"

namespace glance {

RecoveryReport recover(Catalog& catalog) {
  const auto report = catalog.recover();
  if (report.published + report.discarded + report.removed == 0) return report;
  spdlog::info("recovery: {} uploads published, {} discarded, data of {} deleted images removed",
               report.published, report.discarded, report.removed);
  return report;
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

/// False once it is to stop.
bool RecoveryLoop::wait(std::chrono::milliseconds time) {
  MutexLock lock(mutex_);
  const auto until = std::chrono::steady_clock::now() + time;
  while (!stopping_ && std::chrono::steady_clock::now() < until) wake_.wait_until(lock, until);
  return !stopping_;
}

void RecoveryLoop::run() {
  const auto soon = std::min(interval_, Instance::kSilence);
  // What the recovery of the start could not tell can be told after one silence.
  auto next = soon;
  while (wait(next)) {
    next = interval_;
    try {
      if (recover(catalog_).undecided > 0) next = soon;
    } catch (const std::exception& error) {
      spdlog::warn("recovery failed, and will be tried again: {}", error.what());
    }
  }
}

}  // namespace glance
