// SPDX-License-Identifier: Apache-2.0
#include "catalog/rows/image_rows.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string_view>
#include <unordered_map>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "catalog/model/timestamp.h"
#include "catalog/rows/location_rows.h"
#include "catalog/rows/query.h"

namespace glance::rows {

const char* const kImageColumns =
    "id, name, status, visibility, protected, os_hidden, owner, disk_format, container_format,"
    " min_disk, min_ram, size, virtual_size, checksum, os_hash_algo, os_hash_value,"
    " created_at, updated_at,"
    " EXISTS (SELECT 1 FROM glancefs_temporaries t WHERE t.image_id = images.id)";

namespace {

/// The columns of kImageColumns as SOCI fetches them.
struct ImageRow {
  std::string id;
  std::optional<std::string> name;
  std::string status;
  std::string visibility;
  int is_protected = 0;
  int os_hidden = 0;
  std::optional<std::string> owner;
  std::optional<std::string> disk_format;
  std::optional<std::string> container_format;
  int min_disk = 0;
  int min_ram = 0;
  std::optional<long long> size;
  std::optional<long long> virtual_size;
  std::optional<std::string> checksum;
  std::optional<std::string> os_hash_algo;
  std::optional<std::string> os_hash_value;
  std::string created_at;
  std::optional<std::string> updated_at;
  int temporary = 0;

  void define(soci::statement& statement) {
    using soci::into;
    statement.exchange(into(id));
    statement.exchange(into(name));
    statement.exchange(into(status));
    statement.exchange(into(visibility));
    statement.exchange(into(is_protected));
    statement.exchange(into(os_hidden));
    statement.exchange(into(owner));
    statement.exchange(into(disk_format));
    statement.exchange(into(container_format));
    statement.exchange(into(min_disk));
    statement.exchange(into(min_ram));
    statement.exchange(into(size));
    statement.exchange(into(virtual_size));
    statement.exchange(into(checksum));
    statement.exchange(into(os_hash_algo));
    statement.exchange(into(os_hash_value));
    statement.exchange(into(created_at));
    statement.exchange(into(updated_at));
    statement.exchange(into(temporary));
  }
};

std::optional<long long> size_column(std::optional<std::uint64_t> value) {
  if (!value) return std::nullopt;
  return static_cast<long long>(*value);
}

/// Nothing for a row that no Image can hold: an id that is no UUID, a state nobody knows.
std::optional<Image> image_of(const ImageRow& row) {
  const auto id = ImageId::parse(row.id);
  const auto status = parse_image_status(row.status);
  const auto visibility = parse_visibility(row.visibility);
  if (!id || !status || !visibility) {
    spdlog::warn("image row '{}' is left out: status '{}', visibility '{}'", row.id, row.status,
                 row.visibility);
    return std::nullopt;
  }
  const Timestamp created = stored_time(row.created_at, row.id);
  return Image{
      .id = *id,
      .name = row.name,
      .status = *status,
      .visibility = *visibility,
      .is_protected = row.is_protected != 0,
      .os_hidden = row.os_hidden != 0,
      .owner = row.owner,
      .disk_format = row.disk_format,
      .container_format = row.container_format,
      .min_disk = row.min_disk,
      .min_ram = row.min_ram,
      .size = stored_size(row.size),
      .virtual_size = stored_size(row.virtual_size),
      .checksum = row.checksum,
      .os_hash_algo = row.os_hash_algo,
      .os_hash_value = row.os_hash_value,
      .created_at = created,
      .updated_at = row.updated_at ? stored_time(*row.updated_at, row.id) : created,
      .tags = {},
      .properties = {},
      .locations = {},
      .temporary = row.temporary != 0,
  };
}

// `IS FALSE` and not `= false`: it keeps SQLite's planner away from Glance's single-column indexes
// on `deleted`, which it would prefer to the one on image_id (docs/catalog-format.md, "Indexes").
constexpr std::string_view kPropertiesOf =
    "SELECT image_id, name, value FROM image_properties WHERE deleted IS FALSE AND image_id IN ";
constexpr std::string_view kTagsOf =
    "SELECT image_id, value, NULL FROM image_tags WHERE deleted IS FALSE AND image_id IN ";
constexpr std::string_view kLocationsOf =
    "SELECT image_id, value, meta_data FROM image_locations"
    " WHERE deleted IS FALSE AND status = 'active' AND image_id IN ";

/// Calls `take(image id, first, second)` for every row of a (image_id, text, text?) selection, as
/// long as the texts take no more than `left` bytes, which it counts down; false if they do.
template <typename Take>
bool each_child(Session& sql, std::string_view text, std::span<const std::string> ids,
                std::string_view order, std::uint64_t& left, Take&& take) {
  std::string id;
  std::string first;
  std::optional<std::string> second;
  const auto define = [&](soci::statement& to) {
    to.exchange(soci::into(id));
    to.exchange(soci::into(first));
    to.exchange(soci::into(second));
  };
  return select_while(sql, std::string(text) + in_list(ids.size()) + std::string(order), ids,
                      define, [&] {
                        const auto size = first.size() + (second ? second->size() : 0);
                        if (size > left) return false;
                        left -= size;
                        take(id, first, second);
                        return true;
                      });
}

/// Gives the images what lies in tables of its own, if all of it fits into `left` bytes, which it
/// counts down; else it returns false, and the images have some of it.
bool load_children(Session& sql, std::span<Image> images, std::uint64_t& left) {
  if (images.empty()) return true;
  std::vector<std::string> ids;
  std::unordered_map<std::string_view, Image*> by_id;
  for (auto& image : images) {
    ids.push_back(image.id.text());
    by_id[image.id.text()] = &image;
  }
  const auto add_property = [&](auto& id, auto& name, auto& value) {
    by_id.at(id)->properties[name] = value.value_or("");
  };
  const auto add_tag = [&](auto& id, auto& tag, auto&) {
    auto& tags = by_id.at(id)->tags;
    if (tags.empty() || tags.back() != tag) tags.push_back(tag);
  };
  const auto add_location = [&](auto& id, auto& url, auto& metadata) {
    by_id.at(id)->locations.push_back({.url = url, .metadata = metadata.value_or("{}")});
  };
  return each_child(sql, kPropertiesOf, ids, "", left, add_property) &&
         each_child(sql, kTagsOf, ids, " ORDER BY value", left, add_tag) &&
         each_child(sql, kLocationsOf, ids, " ORDER BY id", left, add_location);
}

void forget_children(std::span<Image> images) {
  for (auto& image : images) {
    image.properties.clear();
    image.tags.clear();
    image.locations.clear();
  }
}

void upsert_property(Session& sql, const std::string& id, const std::string& name,
                     const std::string& value, const std::string& when) {
  // The pair (image_id, name) is unique, deleted rows included: a property that comes back takes
  // its old row again, whose deleted_at stays, as in Glance.
  const auto revived = execute(sql,
                               "UPDATE image_properties SET value = :value, deleted = false,"
                               " updated_at = :now WHERE image_id = :id AND name = :name",
                               value, when, id, name);
  if (revived > 0) return;
  execute(sql,
          "INSERT INTO image_properties (image_id, name, value, created_at, updated_at, deleted)"
          " VALUES (:id, :name, :value, :created, :updated, false)",
          id, name, value, when, when);
}

void insert_tag(Session& sql, const std::string& id, const std::string& tag,
                const std::string& when) {
  execute(sql,
          "INSERT INTO image_tags (image_id, value, created_at, updated_at, deleted)"
          " VALUES (:id, :tag, :created, :updated, false)",
          id, tag, when, when);
}

void update_properties(Session& sql, const Image& before, const Image& after,
                       const std::string& when) {
  for (const auto& [name, value] : after.properties) {
    const auto old = before.properties.find(name);
    if (old == before.properties.end() || old->second != value) {
      upsert_property(sql, after.id.text(), name, value, when);
    }
  }
  for (const auto& [name, value] : before.properties) {
    if (after.properties.contains(name)) continue;
    execute(sql,
            "UPDATE image_properties SET deleted = true, deleted_at = :gone, updated_at = :now"
            " WHERE image_id = :id AND name = :name",
            when, when, after.id.text(), name);
  }
}

void update_tags(Session& sql, const Image& before, const Image& after, const std::string& when) {
  const std::set<std::string> old_tags(before.tags.begin(), before.tags.end());
  const std::set<std::string> new_tags(after.tags.begin(), after.tags.end());
  for (const auto& tag : new_tags) {
    if (!old_tags.contains(tag)) insert_tag(sql, after.id.text(), tag, when);
  }
  for (const auto& tag : old_tags) {
    if (new_tags.contains(tag)) continue;
    execute(sql,
            "UPDATE image_tags SET deleted = true, deleted_at = :gone, updated_at = :now"
            " WHERE image_id = :id AND value = :tag AND deleted IS FALSE",
            when, when, after.id.text(), tag);
  }
}

void append_images(Session& sql, const std::string& text, std::span<const std::string> bindings,
                   std::vector<Image>& images) {
  ImageRow row;
  select(
      sql, text, bindings, [&](soci::statement& to) { row.define(to); },
      [&] {
        if (auto image = image_of(row)) images.push_back(std::move(*image));
      });
}

/// Makes as many of the images whole, from the first on, as `max_bytes` allow, one in any case;
/// returns how many. How large they are shows only as they are read: of a batch that does not fit
/// the first half is tried.
std::size_t load_all_children(Session& sql, std::span<Image> images, std::uint64_t max_bytes) {
  std::size_t done = 0;
  std::size_t batch = kIdsPerStatement;
  while (done < images.size()) {
    const auto some = images.subspan(done, std::min(batch, images.size() - done));
    const bool is_first = done == 0 && some.size() == 1;
    const auto allowed = is_first ? UINT64_MAX : max_bytes;
    auto left = allowed;
    if (load_children(sql, some, left)) {
      done += some.size();
      max_bytes -= std::min(max_bytes, allowed - left);
      continue;
    }
    forget_children(some);
    if (some.size() == 1) break;
    batch = some.size() / 2;
  }
  return done;
}

}  // namespace

std::vector<Image> select_images(Session& sql, const std::string& text,
                                 std::span<const std::string> bindings) {
  std::vector<Image> images;
  append_images(sql, text, bindings, images);
  load_all_children(sql, images, UINT64_MAX);
  return images;
}

std::optional<Lead> best_lead(Session& sql, std::vector<Lead> leads) {
  std::optional<Lead> best;
  long long fewest = kFewCandidates;
  for (auto& lead : leads) {
    const auto [text, bindings] = count_select(lead);
    long long count = 0;
    bool found = false;
    select(
        sql, text, bindings, [&](soci::statement& to) { to.exchange(soci::into(count)); },
        [&] { found = true; });
    if (!found || count > fewest) continue;
    fewest = count;
    best = std::move(lead);
  }
  return best;
}

ImagePage select_page(Session& sql, std::span<const ImageSelect> selects,
                      std::optional<std::uint32_t> limit, std::uint64_t max_bytes) {
  std::vector<Image> images;
  images.reserve(std::min<std::size_t>(limit.value_or(0), kIdsPerStatement));
  for (const auto& [text, bindings] : selects) {
    if (!limit) {
      append_images(sql, text, bindings, images);
    } else if (images.size() < *limit) {
      const auto limited = fmt::format("{} LIMIT {}", text, *limit - images.size());
      append_images(sql, limited, bindings, images);
    }
  }
  const auto whole = load_all_children(sql, images, max_bytes);
  const bool is_cut = whole < images.size();
  images.erase(images.begin() + static_cast<std::ptrdiff_t>(whole), images.end());
  return {.images = std::move(images), .is_cut = is_cut};
}

std::optional<Image> select_image(Session& sql, const ImageId& id) {
  const std::array bindings = {id.text()};
  auto images = select_images(
      sql, fmt::format("SELECT {} FROM images WHERE id = :id AND deleted IS FALSE", kImageColumns),
      bindings);
  if (images.empty()) return std::nullopt;
  return std::move(images.front());
}

std::vector<std::optional<std::string>> select_texts(Session& sql, const std::string& text,
                                                     std::span<const std::string> bindings,
                                                     std::size_t columns) {
  std::vector<std::optional<std::string>> row(columns);
  std::vector<std::optional<std::string>> values;
  const auto define = [&](soci::statement& to) {
    for (auto& value : row) to.exchange(soci::into(value));
  };
  select(sql, text, bindings, define, [&] {
    if (values.empty()) values = row;
  });
  return values;
}

bool id_exists(Session& sql, const ImageId& id) {
  int count = 0;
  sql << "SELECT COUNT(*) FROM images WHERE id = :id", soci::use(id.text()), soci::into(count);
  return count > 0;
}

void insert_image(Session& sql, const Image& image) {
  const std::string created = format_db_time(image.created_at);
  const std::string updated = format_db_time(image.updated_at);
  execute(sql,
          "INSERT INTO images (id, name, size, status, created_at, updated_at, deleted,"
          " disk_format, container_format, owner, min_disk, min_ram, protected, visibility,"
          " os_hidden) VALUES (:id, :name, NULL, :status, :created, :updated, false,"
          " :disk_format, :container_format, :owner, :min_disk, :min_ram, :protected, :visibility,"
          " :os_hidden)",
          image.id.text(), image.name, std::string(to_string(image.status)), created, updated,
          image.disk_format, image.container_format, image.owner, image.min_disk, image.min_ram,
          int{image.is_protected}, std::string(to_string(image.visibility)), int{image.os_hidden});
  for (const auto& [name, value] : image.properties) {
    upsert_property(sql, image.id.text(), name, value, created);
  }
  for (const auto& tag : image.tags) insert_tag(sql, image.id.text(), tag, created);
  if (image.temporary) insert_temporary(sql, image.id);
}

void insert_temporary(Session& sql, const ImageId& id) {
  execute(sql, "INSERT OR IGNORE INTO glancefs_temporaries (image_id) VALUES (:id)", id.text());
}

void update_image(Session& sql, const Image& before, const Image& after) {
  require_transition(before.status, after.status);
  const std::string when = format_db_time(after.updated_at);
  execute(sql,
          "UPDATE images SET name = :name, status = :status, visibility = :visibility,"
          " protected = :protected, os_hidden = :os_hidden, owner = :owner,"
          " disk_format = :disk_format, container_format = :container_format,"
          " min_disk = :min_disk, min_ram = :min_ram, size = :size, virtual_size = :virtual_size,"
          " checksum = :checksum, os_hash_algo = :os_hash_algo, os_hash_value = :os_hash_value,"
          " updated_at = :updated_at WHERE id = :id",
          after.name, std::string(to_string(after.status)),
          std::string(to_string(after.visibility)), int{after.is_protected}, int{after.os_hidden},
          after.owner, after.disk_format, after.container_format, after.min_disk, after.min_ram,
          size_column(after.size), size_column(after.virtual_size), after.checksum,
          after.os_hash_algo, after.os_hash_value, when, after.id.text());
  update_properties(sql, before, after, when);
  update_tags(sql, before, after, when);
  update_locations(sql, before, after);
}

void delete_image(Session& sql, const Image& image, Timestamp when) {
  require_transition(image.status, ImageStatus::deleted);
  const std::string now = format_db_time(when);
  const std::string& id = image.id.text();
  for (const auto& location : image.locations) {
    note_garbage(sql, location.url, when);
  }
  for (const std::string table : {"image_properties", "image_tags", "image_members"}) {
    execute(sql,
            "UPDATE " + table +
                " SET deleted = true, deleted_at = :gone, updated_at = :now"
                " WHERE image_id = :id AND deleted IS FALSE",
            now, now, id);
  }
  execute(sql,
          "UPDATE image_locations SET deleted = true, deleted_at = :gone, updated_at = :now,"
          " status = 'deleted' WHERE image_id = :id AND deleted IS FALSE",
          now, now, id);
  execute(sql,
          "UPDATE images SET deleted = true, deleted_at = :gone, updated_at = :now,"
          " status = 'deleted' WHERE id = :id",
          now, now, id);
}

bool move_status(Session& sql, const ImageId& id, ImageStatus from, ImageStatus to,
                 Timestamp when) {
  require_transition(from, to);
  return execute(sql,
                 "UPDATE images SET status = :to, updated_at = :now"
                 " WHERE id = :id AND status = :from AND deleted IS FALSE",
                 std::string(to_string(to)), format_db_time(when), id.text(),
                 std::string(to_string(from))) > 0;
}

std::optional<Image> set_staged_size(Session& sql, const ImageId& id, std::uint64_t size,
                                     Timestamp when) {
  const auto updated =
      execute(sql,
              "UPDATE images SET size = :size, updated_at = :now"
              " WHERE id = :id AND status = 'uploading' AND size IS NULL AND deleted IS FALSE",
              static_cast<long long>(size), format_db_time(when), id.text());
  if (updated == 0) return std::nullopt;
  return select_image(sql, id);
}

void return_to_queued(Session& sql, const ImageId& id, Timestamp when) {
  execute(sql,
          "UPDATE images SET status = 'queued', size = NULL, virtual_size = NULL,"
          " updated_at = :now WHERE id = :id AND status = 'uploading' AND deleted IS FALSE",
          format_db_time(when), id.text());
}

}  // namespace glance::rows
