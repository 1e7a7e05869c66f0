// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <condition_variable>
#include <stop_token>
#include <thread>

#include "catalog/base/sync.h"

namespace glance::api {

/// Lets threads share the heaps of malloc(3), as many as there are cores: each keeps for itself
/// what was freed in it. Before the first thread.
void have_few_arenas() noexcept;

/// Gives memory back to the system that malloc(3) keeps although nobody uses it any more, while it
/// lives: a crowd of clients that has gone must not have taken it for ever. Looks every few seconds
/// how much that is, in a thread of its own.
class MemoryTrim {
 public:
  explicit MemoryTrim(std::chrono::milliseconds interval = std::chrono::seconds(3));
  ~MemoryTrim();
  MemoryTrim(const MemoryTrim&) = delete;
  MemoryTrim& operator=(const MemoryTrim&) = delete;

 private:
  void watch(const std::stop_token& stop);

  const std::chrono::milliseconds interval_;
  Mutex mutex_;  // a leaf
  std::condition_variable_any changed_;
  std::jthread thread_;
};

}  // namespace glance::api
