// SPDX-License-Identifier: Apache-2.0
#include "api-bridge/http_server/pending_handshakes.h"

#include <utility>

namespace glance::api {

PendingHandshakes::Place PendingHandshakes::enter(std::function<void()> give_way) {
  std::function<void()> oldest;
  const auto entry = [&] {
    const MutexLock lock(mutex_);
    waiting_.push_back(std::move(give_way));
    if (waiting_.size() > limit_) {
      oldest = std::exchange(waiting_.front(), nullptr);
      called_.splice(called_.end(), waiting_, waiting_.begin());
    }
    return std::prev(waiting_.end());
  }();
  if (oldest) oldest();
  return {*this, entry};
}

PendingHandshakes::Place::~Place() {
  const MutexLock lock(all_.mutex_);
  auto& list = *entry_ ? all_.waiting_ : all_.called_;
  list.erase(entry_);
}

}  // namespace glance::api
