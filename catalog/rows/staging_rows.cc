// SPDX-License-Identifier: Apache-2.0
#include "catalog/rows/staging_rows.h"

#include "catalog/model/timestamp.h"

namespace glance::rows {

void insert_staging(Session& sql, const ImageId& id, const std::string& instance, Timestamp when) {
  // A row can only be left from a dead writer: we hold the staging area's lock.
  delete_staging(sql, id);
  execute(sql,
          "INSERT INTO glancefs_stagings (image_id, instance, created_at)"
          " VALUES (:id, :instance, :created)",
          id.text(), instance, format_db_time(when));
}

void delete_staging(Session& sql, const ImageId& id) {
  execute(sql, "DELETE FROM glancefs_stagings WHERE image_id = :id", id.text());
}

std::optional<std::string> select_staging_instance(Session& sql, const ImageId& id) {
  std::string instance;
  sql << "SELECT instance FROM glancefs_stagings WHERE image_id = :id", soci::use(id.text()),
      soci::into(instance);
  if (!sql.got_data()) return std::nullopt;
  return instance;
}

std::vector<ImageId> select_stagings(Session& sql) {
  const soci::rowset<std::string> rows = (sql.prepare << "SELECT image_id FROM glancefs_stagings");
  std::vector<ImageId> ids;
  for (const auto& text : rows) {
    if (auto id = ImageId::parse(text)) ids.push_back(*std::move(id));
  }
  return ids;
}

}  // namespace glance::rows
