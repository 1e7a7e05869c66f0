// SPDX-License-Identifier: Apache-2.0
#include "api-bridge/operation/memory_trim.h"

#include <algorithm>
#include <cstddef>
#include <fstream>

#include <malloc.h>
#include <unistd.h>

namespace glance::api {
namespace {

constexpr std::size_t kMiB = std::size_t{1024} * 1024;
// Less is not worth the work, and soon in use again.
constexpr std::size_t kSlack = 16 * kMiB;
// After a try that gave less back than that, the next one comes later and later: what is left lies
// in pages of which something is in use.
constexpr std::size_t kWorthIt = 1 * kMiB;
constexpr int kMaxPause = 64;  // intervals

/// Bytes of memory that are in RAM and come from no file.
std::size_t anonymous_memory() {
  std::ifstream statm("/proc/self/statm");
  std::size_t total = 0;
  std::size_t resident = 0;
  std::size_t shared = 0;
  statm >> total >> resident >> shared;
  return (resident - std::min(shared, resident)) *
         static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

/// Those that nobody has asked malloc(3) for.
std::size_t unused_memory() {
  const auto heap = ::mallinfo2();
  const auto used = heap.uordblks + heap.hblkhd;
  const auto all = anonymous_memory();
  return all - std::min(used, all);
}

}  // namespace

void have_few_arenas() noexcept {
  const auto cores = std::max(1U, std::thread::hardware_concurrency());
  ::mallopt(M_ARENA_MAX, static_cast<int>(cores));
}

MemoryTrim::MemoryTrim(std::chrono::milliseconds interval)
    : interval_(interval), thread_([this](const std::stop_token& stop) { watch(stop); }) {}

MemoryTrim::~MemoryTrim() = default;

void MemoryTrim::watch(const std::stop_token& stop) {
  int pause = 1;
  MutexLock lock(mutex_);
  for (;;) {
    changed_.wait_for(lock, stop, pause * interval_, [] { return false; });
    if (stop.stop_requested()) return;
    const auto before = unused_memory();
    if (before < kSlack) {
      pause = 1;
      continue;
    }
    ::malloc_trim(0);
    const bool was_worth_it = unused_memory() + kWorthIt < before;
    pause = was_worth_it ? 1 : std::min(2 * pause, kMaxPause);
  }
}

}  // namespace glance::api
