// SPDX-License-Identifier: Apache-2.0
#include "catalog/upload/instance.h"

#include <exception>
#include <utility>

#include <spdlog/spdlog.h>

#include "catalog/model/image.h"
#include "catalog/rows/instance_rows.h"

namespace glance {

Instance::Instance(Database& database, std::shared_ptr<const Machine> machine,
                   std::chrono::milliseconds beat)
    : database_(database),
      machine_(std::move(machine)),
      beat_(beat),
      id_(ImageId::random().text()) {}

Instance::~Instance() {
  std::thread thread;
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    thread = std::move(thread_);
  }
  if (!thread.joinable()) return;
  changed_.notify_all();
  thread.join();
  try {
    database_.write([&](Session& sql) { rows::delete_instance(sql, id_); });
  } catch (const std::exception& error) {
    // Recovery removes a row that nothing refers to.
    spdlog::debug("instance {} stays recorded: {}", id_, error.what());
  }
}

Instance::Work::Work(Instance& instance) : instance_(instance) {
  {
    MutexLock lock(instance_.mutex_);
    if (!instance_.thread_.joinable()) {
      instance_.thread_ = std::thread([&each = instance_] { each.run(); });
    }
    ++instance_.works_;
  }
  instance_.changed_.notify_all();
}

Instance::Work::~Work() {
  MutexLock lock(instance_.mutex_);
  --instance_.works_;
}

const std::string& Instance::Work::sign(Session& sql) const {
  rows::beat_instance(sql, instance_.id_, instance_.machine_->boot_id(), now());
  return instance_.id_;
}

void Instance::run() {
  using std::chrono::steady_clock;
  MutexLock lock(mutex_);
  while (!stopping_) {
    if (works_ == 0) {
      changed_.wait(lock);
      continue;
    }
    const auto until = steady_clock::now() + beat_;
    while (!stopping_ && steady_clock::now() < until) changed_.wait_until(lock, until);
    if (stopping_) return;
    if (works_ == 0) continue;  // an idle process writes nothing
    lock.unlock();
    beat();
    lock.lock();
  }
}

void Instance::beat() noexcept {
  try {
    database_.write(
        [&](Session& sql) { rows::beat_instance(sql, id_, machine_->boot_id(), now()); });
  } catch (const std::exception& error) {
    spdlog::warn("the heartbeat of instance {} is late: {}", id_, error.what());
  }
}

}  // namespace glance
