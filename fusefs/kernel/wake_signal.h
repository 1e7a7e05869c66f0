// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <csignal>

#include <pthread.h>

namespace glance::fs {

/// A signal that does nothing but interrupt what its thread waits for.
class WakeSignal {
 public:
  WakeSignal() {
    struct sigaction action{};
    action.sa_handler = [](int) {};
    ::sigaction(number(), &action, &before_);
  }
  ~WakeSignal() { ::sigaction(number(), &before_, nullptr); }
  WakeSignal(const WakeSignal&) = delete;
  WakeSignal& operator=(const WakeSignal&) = delete;

  static void send_to(pthread_t thread) noexcept { ::pthread_kill(thread, number()); }

 private:
  static int number() noexcept { return SIGRTMIN; }

  struct sigaction before_{};
};

}  // namespace glance::fs
