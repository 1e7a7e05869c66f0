// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "catalog/base/sync.h"
#include "catalog/database/database.h"
#include "catalog/os/machine.h"

namespace glance {

/// What is known of a writer whose lock is free.
enum class Life {
  gone,     ///< what it left is recovery's
  unknown,  ///< of another machine, and not watched for long enough
  alive,    ///< of another machine, whose locks may not be seen here
};

/// Tells dead writers from those of other machines. On the same kernel the lock alone decides; a
/// writer of another kernel, which may be this machine's before it was started anew, is gone when
/// its heartbeat has stood still for Instance::kSilence. That is measured here, from look to look:
/// clocks of two machines are never compared. Safe for concurrent use; a leaf in the lock order.
class InstanceWatch {
 public:
  explicit InstanceWatch(std::shared_ptr<const Machine> machine) : machine_(std::move(machine)) {}

  /// Looks at the instance that a row of an upload or a staging names, which must have been read
  /// while its lock was ours; a row from before there were instances names none. Errors: the
  /// database's, io.
  [[nodiscard]] Life look(Database& database, const std::optional<std::string>& instance)
      EXCLUDES(mutex_);

 private:
  struct Sight {
    long long heartbeat = 0;
    std::chrono::steady_clock::time_point since;  ///< when it was first seen there
    bool moved = false;
  };

  const std::shared_ptr<const Machine> machine_;
  Mutex mutex_;  // a leaf
  std::map<std::string, Sight> sights_ GUARDED_BY(mutex_);
};

/// "instance X, last seen 2026-12-01 12:00:00 UTC", for people.
[[nodiscard]] std::string describe_instance(Database& database, const std::string& instance);

}  // namespace glance
