// SPDX-License-Identifier: Apache-2.0
#include "catalog/rows/consistency_rows.h"

namespace glance::rows {

namespace {

std::vector<std::string> select_column(Session& sql, const char* text) {
  const soci::rowset<std::string> rows = (sql.prepare << text);
  return {rows.begin(), rows.end()};
}

}  // namespace

std::vector<std::string> integrity_faults(Session& sql) {
  auto lines = select_column(sql, "PRAGMA integrity_check(100)");
  std::erase(lines, "ok");
  return lines;
}

std::vector<ImageId> select_stored_ids(Session& sql) {
  std::vector<ImageId> ids;
  for (const auto& text : select_column(sql,
                                        "SELECT id FROM images WHERE deleted IS FALSE"
                                        " AND status IN ('active', 'deactivated')"
                                        " ORDER BY created_at, id")) {
    if (auto id = ImageId::parse(text)) ids.push_back(std::move(*id));
  }
  return ids;
}

std::vector<std::string> select_owned_urls(Session& sql) {
  return select_column(sql,
                       "SELECT value FROM image_locations"
                       " WHERE deleted IS FALSE OR status = 'pending_delete'"
                       " UNION ALL SELECT url FROM glancefs_garbage");
}

std::vector<std::string> select_ids_in_work(Session& sql) {
  return select_column(sql,
                       "SELECT image_id FROM glancefs_uploads"
                       " UNION ALL SELECT id FROM images WHERE deleted IS FALSE"
                       " AND status IN ('saving', 'uploading', 'importing')");
}

}  // namespace glance::rows
