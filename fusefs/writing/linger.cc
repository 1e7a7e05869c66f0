// SPDX-License-Identifier: Apache-2.0
#include "fusefs/writing/linger.h"

#include <algorithm>
#include <utility>

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "catalog/base/error.h"

namespace glance::fs {

namespace {

UniqueFd make_event() {
  UniqueFd event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!event) throw_errno(errno, "eventfd");
  return event;
}

/// For poll(2): at least a millisecond, so that a deadline is over when it returns.
int milliseconds_until(Linger::Clock::time_point deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Linger::Clock::now());
  return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 3'600'000));
}

}  // namespace

Linger::Linger(std::function<void(const std::shared_ptr<PendingFile>&)> due)
    : due_(std::move(due)), wake_(make_event()) {}

void Linger::add(std::shared_ptr<PendingFile> file, Clock::time_point deadline) {
  {
    MutexLock lock(mutex_);
    if (stopping_) return;
    const auto known = std::ranges::find(waits_, file, &Wait::file);
    if (known != waits_.end()) {
      known->deadline = deadline;
    } else {
      waits_.push_back({.file = std::move(file), .deadline = deadline});
    }
    if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
  }
  wake();
}

void Linger::hurry() {
  {
    MutexLock lock(mutex_);
    hurry_ = true;
  }
  wake();
}

bool Linger::empty() const {
  MutexLock lock(mutex_);
  return waits_.empty() && working_ == 0;
}

void Linger::stop() noexcept {
  std::thread thread;
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    thread = std::move(thread_);
  }
  wake();
  if (thread.joinable()) thread.join();
}

void Linger::wake() noexcept {
  constexpr std::uint64_t kOne = 1;
  // It only fails where the thread has been woken up 2^64 times already.
  static_cast<void>(!::write(wake_.get(), &kOne, sizeof kOne));
}

void Linger::sleep(const std::vector<Wait>& waits) const {
  std::vector<pollfd> events = {{.fd = wake_.get(), .events = POLLIN, .revents = 0}};
  int timeout = -1;
  for (const auto& wait : waits) {
    // poll(2) passes over negative descriptors: of an opener that is not known.
    events.push_back({.fd = wait.file->opener_fd(), .events = POLLIN, .revents = 0});
    const int left = milliseconds_until(wait.deadline);
    timeout = timeout < 0 ? left : std::min(timeout, left);
  }
  ::poll(events.data(), events.size(), timeout);
  std::uint64_t count = 0;
  static_cast<void>(!::read(wake_.get(), &count, sizeof count));
}

std::vector<Linger::Wait> Linger::take_due() {
  MutexLock lock(mutex_);
  std::vector<Wait> taken;
  // Each is asked once: the answer may change from one moment to the next.
  std::erase_if(waits_, [&](const Wait& wait) REQUIRES(mutex_) {
    if (!hurry_ && Clock::now() < wait.deadline && !wait.file->opener_has_exited()) return false;
    taken.push_back(wait);
    return true;
  });
  working_ = taken.size();
  return taken;
}

void Linger::run() {
  for (;;) {
    std::vector<Wait> waits;
    {
      MutexLock lock(mutex_);
      if (stopping_) return;
      waits = waits_;
    }
    sleep(waits);
    for (const auto& wait : take_due()) {
      due_(wait.file);
      MutexLock lock(mutex_);
      --working_;
    }
  }
}

}  // namespace glance::fs
