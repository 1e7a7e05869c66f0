// SPDX-License-Identifier: Apache-2.0
#include "catalog/tool/interruption.h"

#include <array>
#include <cerrno>

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "catalog/base/error.h"

namespace glance::tool {

namespace {

bool is_ignored(int signal) {
  struct sigaction action{};
  return ::sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

/// poll(2) or ppoll(2), again after EINTR: stops and continues of the job cause it.
template <typename Poll>
int poll_again(Poll&& poll_once) {
  for (;;) {
    const int ready = poll_once();
    if (ready >= 0) return ready;
    if (errno != EINTR) throw_errno(errno, "poll");
  }
}

}  // namespace

Interruption::Interruption() {
  ::sigset_t wanted{};
  ::sigemptyset(&wanted);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    // A blocked signal would reach the descriptor even if it is to be ignored.
    if (!is_ignored(signal)) ::sigaddset(&wanted, signal);
  }
  signals_ = UniqueFd(::signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals_) throw_errno(errno, "signalfd");
  ::pthread_sigmask(SIG_BLOCK, &wanted, &before_);
}

Interruption::~Interruption() {
  ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

void Interruption::consume() const {
  struct signalfd_siginfo info{};
  const ssize_t size = ::read(signals_.get(), &info, sizeof(info));
  if (size == static_cast<ssize_t>(sizeof(info))) {
    throw Interrupted{static_cast<int>(info.ssi_signo)};
  }
}

void Interruption::check() const {
  consume();
}

void Interruption::wait_readable(int fd) const {
  std::array<struct ::pollfd, 2> watched = {{{.fd = signals_.get(), .events = POLLIN, .revents = 0},
                                             {.fd = fd, .events = POLLIN, .revents = 0}}};
  while (watched[1].revents == 0) {
    poll_again([&] { return ::poll(watched.data(), watched.size(), -1); });
    consume();
  }
}

void Interruption::sleep(std::chrono::nanoseconds duration) const {
  const auto end = std::chrono::steady_clock::now() + duration;
  struct ::pollfd watched{.fd = signals_.get(), .events = POLLIN, .revents = 0};
  poll_again([&] {
    const std::chrono::nanoseconds left = end - std::chrono::steady_clock::now();
    if (left.count() <= 0) return 0;
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
    const struct ::timespec timeout{.tv_sec = seconds.count(), .tv_nsec = (left - seconds).count()};
    return ::ppoll(&watched, 1, &timeout, nullptr);
  });
  consume();
}

}  // namespace glance::tool
