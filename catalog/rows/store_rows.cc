// SPDX-License-Identifier: Apache-2.0
#include "catalog/rows/store_rows.h"

namespace glance::rows {

std::optional<std::string> select_store_marker(Session& sql, const std::string& store) {
  std::string marker;
  sql << "SELECT marker FROM glancefs_stores WHERE store = :store", soci::use(store),
      soci::into(marker);
  if (!sql.got_data()) return std::nullopt;
  return marker;
}

void insert_store_marker(Session& sql, const std::string& store, const std::string& marker) {
  if (select_store_marker(sql, store)) return;
  execute(sql, "INSERT INTO glancefs_stores (store, marker) VALUES (:store, :marker)", store,
          marker);
}

std::vector<std::string> select_some_locations(Session& sql, int limit) {
  const soci::rowset<std::string> rows =
      (sql.prepare << "SELECT l.value FROM image_locations l JOIN images i ON i.id = l.image_id"
                      " WHERE i.deleted IS FALSE AND i.status IN ('active', 'deactivated')"
                      " AND l.deleted IS FALSE LIMIT :limit",
       soci::use(limit));
  return {rows.begin(), rows.end()};
}

}  // namespace glance::rows
