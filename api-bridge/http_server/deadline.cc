// SPDX-License-Identifier: Apache-2.0
#include "api-bridge/http_server/deadline.h"

namespace glance::api {

void Deadline::arm(std::chrono::nanoseconds time) {
  passed_ = false;
  at_ = Clock::now() + time;
  if (!waits_ || timer_.expiry() > at_) wait();
}

void Deadline::wait() {
  waits_ = true;
  timer_.expires_at(at_);
  timer_.async_wait([self = shared_from_this()](boost::system::error_code error) {
    if (error) return;  // an earlier deadline took this one's place, or the end came
    self->waits_ = false;
    if (self->at_ == Clock::time_point::max()) return;
    if (Clock::now() < self->at_) {
      self->wait();
      return;
    }
    self->at_ = Clock::time_point::max();
    self->passed_ = true;
    if (self->on_expiry_) self->on_expiry_();
  });
}

void Deadline::end() noexcept {
  disarm();
  on_expiry_ = nullptr;
  timer_.cancel();
}

}  // namespace glance::api
