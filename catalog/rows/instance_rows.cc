// SPDX-License-Identifier: Apache-2.0
#include "catalog/rows/instance_rows.h"

#include "catalog/model/timestamp.h"

namespace glance::rows {

namespace {

constexpr const char* kIdle =
    " FROM glancefs_instances WHERE"
    " NOT EXISTS (SELECT 1 FROM glancefs_uploads"
    "  WHERE glancefs_uploads.instance = glancefs_instances.id)"
    " AND NOT EXISTS (SELECT 1 FROM glancefs_stagings"
    "  WHERE glancefs_stagings.instance = glancefs_instances.id)";

}  // namespace

std::optional<InstanceRow> select_instance(Session& sql, const std::string& id) {
  InstanceRow row{.id = id, .boot_id = {}, .heartbeat = 0, .seen_at = {}};
  sql << "SELECT boot_id, heartbeat, seen_at FROM glancefs_instances WHERE id = :id", soci::use(id),
      soci::into(row.boot_id), soci::into(row.heartbeat), soci::into(row.seen_at);
  if (!sql.got_data()) return std::nullopt;
  return row;
}

void beat_instance(Session& sql, const std::string& id, const std::string& boot_id,
                   Timestamp when) {
  const std::string now = format_db_time(when);
  const auto moved = execute(sql,
                             "UPDATE glancefs_instances SET heartbeat = heartbeat + 1,"
                             " seen_at = :now WHERE id = :id",
                             now, id);
  if (moved > 0) return;
  execute(sql,
          "INSERT INTO glancefs_instances (id, boot_id, heartbeat, seen_at, created_at)"
          " VALUES (:id, :boot, 0, :seen, :created)",
          id, boot_id, now, now);
}

void delete_instance(Session& sql, const std::string& id) {
  execute(sql, "DELETE FROM glancefs_instances WHERE id = :id", id);
}

bool has_idle_instances(Session& sql) {
  int count = 0;
  sql << std::string("SELECT COUNT(*)") + kIdle, soci::into(count);
  return count > 0;
}

void delete_idle_instances(Session& sql) {
  execute(sql, std::string("DELETE") + kIdle);
}

}  // namespace glance::rows
