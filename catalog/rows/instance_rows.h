// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "catalog/database/database.h"
#include "catalog/model/image.h"

/// Rows of glancefs_instances: the processes that have data on their way, as others know them.
/// Every function works inside the caller's transaction.
namespace glance::rows {

struct InstanceRow {
  std::string id;
  std::string boot_id;      ///< of the kernel that it runs on (machine.h)
  long long heartbeat = 0;  ///< moves as long as the process lives and has data on their way
  std::string seen_at;      ///< when it moved last, by that machine's clock; for people only
};

[[nodiscard]] std::optional<InstanceRow> select_instance(Session& sql, const std::string& id);

/// Moves the heartbeat; a row that is not there is made.
void beat_instance(Session& sql, const std::string& id, const std::string& boot_id, Timestamp when);

void delete_instance(Session& sql, const std::string& id);

/// Whether there are rows that nothing refers to; their processes have nothing on its way.
[[nodiscard]] bool has_idle_instances(Session& sql);
void delete_idle_instances(Session& sql);

}  // namespace glance::rows
