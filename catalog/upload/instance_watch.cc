// SPDX-License-Identifier: Apache-2.0
#include "catalog/upload/instance_watch.h"

#include <fmt/format.h>

#include "catalog/rows/instance_rows.h"
#include "catalog/upload/instance.h"

namespace glance {

Life InstanceWatch::look(Database& database, const std::optional<std::string>& instance) {
  if (!instance) return Life::gone;
  const auto row =
      database.read([&](Session& sql) { return rows::select_instance(sql, *instance); });
  if (!row || row->boot_id == machine_->boot_id()) return Life::gone;
  const auto now = machine_->monotonic();
  MutexLock lock(mutex_);
  const auto [at, first] = sights_.try_emplace(
      *instance, Sight{.heartbeat = row->heartbeat, .since = now, .moved = false});
  Sight& sight = at->second;
  if (sight.heartbeat != row->heartbeat) {
    sight = {.heartbeat = row->heartbeat, .since = now, .moved = true};
  }
  if (now - sight.since >= Instance::kSilence) return Life::gone;
  return sight.moved ? Life::alive : Life::unknown;
}

std::string describe_instance(Database& database, const std::string& instance) {
  constexpr std::size_t kToTheSecond = 19;
  const auto row =
      database.read([&](Session& sql) { return rows::select_instance(sql, instance); });
  if (!row) return fmt::format("instance {}, which has ended", instance);
  return fmt::format("instance {}, last seen {} UTC", instance,
                     row->seen_at.substr(0, kToTheSecond));
}

}  // namespace glance
