// SPDX-License-Identifier: Apache-2.0
#include "catalog/rows/location_rows.h"

#include <algorithm>

#include "catalog/model/timestamp.h"
#include "catalog/rows/query.h"

namespace glance::rows {

namespace {

void update_metadata(Session& sql, const ImageId& id, const Location& location,
                     const std::string& when) {
  execute(sql,
          "UPDATE image_locations SET meta_data = :metadata, updated_at = :now"
          " WHERE image_id = :id AND value = :url AND deleted IS FALSE",
          location.metadata, when, id.text(), location.url);
}

}  // namespace

void note_garbage(Session& sql, const std::string& url, Timestamp when) {
  execute(sql, "INSERT OR IGNORE INTO glancefs_garbage (url, created_at) VALUES (:url, :now)", url,
          format_db_time(when));
}

void insert_location(Session& sql, const ImageId& id, const Location& location, Timestamp when) {
  const std::string now = format_db_time(when);
  execute(sql,
          "INSERT INTO image_locations (image_id, value, meta_data, created_at, updated_at,"
          " deleted, status) VALUES (:id, :url, :metadata, :created, :updated, false, 'active')",
          id.text(), location.url, location.metadata, now, now);
}

// From the first other URL on the rows are made anew.
void update_locations(Session& sql, const Image& before, const Image& after) {
  const std::string when = format_db_time(after.updated_at);
  const auto [old_rest, new_rest] =
      std::ranges::mismatch(before.locations, after.locations, {}, &Location::url, &Location::url);
  for (auto old = before.locations.begin(), now = after.locations.begin(); old != old_rest;
       ++old, ++now) {
    if (*old != *now) update_metadata(sql, after.id, *now, when);
  }
  for (auto old = old_rest; old != before.locations.end(); ++old) {
    // The last row: somebody may have given the image the same location twice.
    execute(sql,
            "UPDATE image_locations SET deleted = true, deleted_at = :gone, updated_at = :now,"
            " status = 'deleted' WHERE id = (SELECT MAX(id) FROM image_locations"
            " WHERE image_id = :id AND value = :url AND deleted IS FALSE)",
            when, when, after.id.text(), old->url);
    const bool kept = std::ranges::any_of(
        after.locations, [&](const Location& each) { return each.url == old->url; });
    if (!kept) note_garbage(sql, old->url, after.updated_at);
  }
  for (auto now = new_rest; now != after.locations.end(); ++now) {
    insert_location(sql, after.id, *now, after.updated_at);
  }
}

std::vector<std::string> select_locations_named(Session& sql, const std::string& file_name) {
  // The expression is that of the index glancefs_locations_file.
  const soci::rowset<std::string> rows =
      (sql.prepare << "SELECT value FROM image_locations"
                      " WHERE replace(value, rtrim(value, replace(value, '/', '')), '') = :name"
                      " AND deleted IS FALSE",
       soci::use(file_name));
  return {rows.begin(), rows.end()};
}

std::uint64_t sum_stored_bytes(Session& sql, const std::optional<std::string>& owner) {
  std::string text =
      "SELECT COALESCE(SUM(i.size), 0) FROM images i JOIN image_locations l ON l.image_id = i.id"
      " WHERE i.deleted IS FALSE AND i.status NOT IN ('killed', 'deleted') AND i.size > 0"
      " AND l.deleted IS FALSE AND l.status <> 'deleted' AND i.owner";
  text += owner ? " = :owner" : " IS NULL";
  std::vector<std::string> bindings;
  if (owner) bindings.push_back(*owner);
  long long sum = 0;
  select(sql, text, bindings, [&](soci::statement& to) { to.exchange(soci::into(sum)); }, [] {});
  return static_cast<std::uint64_t>(sum);
}

void forget_garbage(Session& sql, const std::string& url) {
  execute(sql, "DELETE FROM glancefs_garbage WHERE url = :url", url);
}

std::vector<std::string> select_garbage(Session& sql) {
  const soci::rowset<std::string> rows = (sql.prepare << "SELECT url FROM glancefs_garbage");
  return {rows.begin(), rows.end()};
}

}  // namespace glance::rows
