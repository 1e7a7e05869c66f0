// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <memory>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>

namespace glance::api {

/// How long a connection may take for its next step. Everything runs on the connection's strand.
///
/// Setting a later deadline costs nothing: one wait on the timer serves many of them.
class Deadline : public std::enable_shared_from_this<Deadline> {
 public:
  /// `on_expiry` is called once for each deadline that passes; it must not be called after end().
  Deadline(const boost::asio::any_io_executor& executor, std::function<void()> on_expiry)
      : timer_(executor), on_expiry_(std::move(on_expiry)) {}

  void arm(std::chrono::nanoseconds time);
  void disarm() noexcept { at_ = Clock::time_point::max(); }

  /// Whether the deadline passed that was set last.
  [[nodiscard]] bool has_passed() const noexcept { return passed_; }

  /// No deadline any more: lets go of the timer and of `on_expiry`.
  void end() noexcept;

 private:
  using Clock = std::chrono::steady_clock;

  void wait();

  boost::asio::steady_timer timer_;
  std::function<void()> on_expiry_;
  Clock::time_point at_ = Clock::time_point::max();
  bool waits_ = false;
  bool passed_ = false;
};

}  // namespace glance::api
