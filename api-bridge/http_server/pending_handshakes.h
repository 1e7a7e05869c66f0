// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <list>

#include "catalog/base/sync.h"

namespace glance::api {

/// The TLS handshakes that have begun and not ended. Each takes a hundred kilobytes, of clients of
/// whom nothing is known yet. When there are too many, the one that has begun first gives way: a
/// client that means it is through within a few round trips. Safe for concurrent use.
class PendingHandshakes {
 public:
  explicit PendingHandshakes(std::size_t limit) : limit_(limit) {}

  /// A handshake's place, as long as it goes on. Its PendingHandshakes must outlive it.
  class Place {
   public:
    ~Place();
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

   private:
    friend class PendingHandshakes;
    using GiveWay = std::function<void()>;

    Place(PendingHandshakes& all, std::list<GiveWay>::iterator entry) : all_(all), entry_(entry) {}

    PendingHandshakes& all_;
    const std::list<GiveWay>::iterator entry_;
  };

  /// `give_way` is called when the handshake must end before its time: at most once, by any thread,
  /// and maybe in the moment in which it ends by itself. It must not throw.
  [[nodiscard]] Place enter(std::function<void()> give_way) EXCLUDES(mutex_);

 private:
  const std::size_t limit_;
  Mutex mutex_;  // a leaf
  // By their begin; an entry that was called is empty, and stays until its place is left.
  std::list<std::function<void()>> waiting_ GUARDED_BY(mutex_);
  std::list<std::function<void()>> called_ GUARDED_BY(mutex_);
};

}  // namespace glance::api
