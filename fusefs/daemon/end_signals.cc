// SPDX-License-Identifier: Apache-2.0
#include "fusefs/daemon/end_signals.h"

#include <array>
#include <cerrno>
#include <cstdint>

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "catalog/base/error.h"

namespace glance::fs {
namespace {

constexpr std::chrono::milliseconds kForEver{-1};

constexpr std::array<int, 3> kNumbers = {SIGTERM, SIGINT, SIGHUP};

sigset_t end_signals() {
  sigset_t set;
  ::sigemptyset(&set);
  for (const int number : kNumbers) ::sigaddset(&set, number);
  return set;
}

}  // namespace

EndSignals::EndSignals() {
  const sigset_t set = end_signals();
  signals_ = UniqueFd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  stop_ = UniqueFd(::eventfd(0, EFD_CLOEXEC));
  if (!signals_ || !stop_) throw_errno(errno, "signalfd");
  ::pthread_sigmask(SIG_BLOCK, &set, &before_);
}

EndSignals::~EndSignals() {
  restore();
}

EndSignals::Event EndSignals::wait(std::chrono::milliseconds limit) noexcept {
  return wait(stop_.get(), limit);
}

EndSignals::Event EndSignals::wait_for_signal_or(int fd) noexcept {
  return wait(fd, kForEver);
}

EndSignals::Event EndSignals::wait(int fd, std::chrono::milliseconds limit) noexcept {
  std::array<pollfd, 2> queries = {{{fd, POLLIN, 0}, {signals_.get(), POLLIN, 0}}};
  for (;;) {
    const int ready = ::poll(queries.data(), queries.size(), static_cast<int>(limit.count()));
    if (ready == 0) return Event::timeout;
    if (ready < 0 && errno == EINTR) continue;
    if (ready < 0 || queries[0].revents != 0) return Event::stopped;
    signalfd_siginfo signal{};
    if (::read(signals_.get(), &signal, sizeof signal) == sizeof signal) return Event::signal;
  }
}

void EndSignals::stop() noexcept {
  const std::uint64_t one = 1;
  static_cast<void>(!::write(stop_.get(), &one, sizeof one));
}

void EndSignals::ignore() noexcept {
  // Those that are pending go too.
  for (const int number : kNumbers) ::signal(number, SIG_IGN);
}

void EndSignals::restore() const noexcept {
  ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

}  // namespace glance::fs
