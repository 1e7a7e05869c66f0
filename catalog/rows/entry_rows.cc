// SPDX-License-Identifier: Apache-2.0
#include "catalog/rows/entry_rows.h"

#include <algorithm>
#include <string_view>
#include <unordered_map>

#include <spdlog/spdlog.h>

#include "catalog/model/timestamp.h"
#include "catalog/rows/query.h"

namespace glance::rows {

namespace {

// One pass over each table and the joining in memory: for all of 10,000 images that takes half the
// time of a join, which looks every image up in every table's index. In all of these `IS FALSE`
// and not `= false`, see kPropertiesOf in image_rows.cc.

// Glance hides killed and deleted images; pending_delete ones wait for its scrubber.
// An image stays hidden while the one that was renamed over it is not whole (replacement_rows.h).
constexpr std::string_view kImages =
    "SELECT id, name, status,"
    " os_hidden OR id IN (SELECT r.replaced_id FROM glancefs_replacements r"
    " JOIN images heir ON heir.id = r.image_id AND heir.name = r.name),"
    // Of images that are being filled it is not for the Image API to tell.
    " COALESCE(size, (SELECT p.size FROM glancefs_progress p WHERE p.image_id = images.id)),"
    " created_at, updated_at,"
    " COALESCE(LENGTH(checksum), 0), os_hash_algo, COALESCE(LENGTH(os_hash_value), 0)"
    " FROM images WHERE deleted IS FALSE"
    " AND status NOT IN ('killed', 'deleted', 'pending_delete')";
constexpr std::string_view kNameOrders = "SELECT image_id, seq FROM glancefs_names WHERE seq > 0";
constexpr std::string_view kStoredTimes =
    "SELECT image_id, created_at FROM image_locations WHERE deleted IS FALSE"
    " AND status = 'active'";
constexpr std::string_view kDataTimes =
    "SELECT image_id, data_time FROM glancefs_attributes WHERE data_time IS NOT NULL";
constexpr std::string_view kTags = "SELECT image_id, value FROM image_tags WHERE deleted IS FALSE";

struct EntryRow {
  std::string id;
  std::optional<std::string> name;
  std::string status;
  int unlisted = 0;
  std::optional<long long> size;
  std::string created_at;
  std::optional<std::string> updated_at;
  int checksum_length = 0;
  std::optional<std::string> os_hash_algo;
  int os_hash_length = 0;

  void define(soci::statement& statement) {
    using soci::into;
    statement.exchange(into(id));
    statement.exchange(into(name));
    statement.exchange(into(status));
    statement.exchange(into(unlisted));
    statement.exchange(into(size));
    statement.exchange(into(created_at));
    statement.exchange(into(updated_at));
    statement.exchange(into(checksum_length));
    statement.exchange(into(os_hash_algo));
    statement.exchange(into(os_hash_length));
  }
};

std::optional<ImageEntry> entry_of(const EntryRow& row) {
  const auto id = ImageId::parse(row.id);
  const auto status = parse_image_status(row.status);
  if (!id || !status) {
    spdlog::warn("image row '{}' is left out: status '{}'", row.id, row.status);
    return std::nullopt;
  }
  const Timestamp created = stored_time(row.created_at, row.id);
  return ImageEntry{
      .id = *id,
      .name = row.name,
      .status = *status,
      .unlisted = row.unlisted != 0,
      .has_md5 = row.checksum_length == int{kMd5Digits},
      .has_sha512 = row.os_hash_algo == "sha512" && row.os_hash_length == int{kSha512Digits},
      .size = stored_size(row.size).value_or(0),
      .data_time = created,
      .updated_at = row.updated_at ? stored_time(*row.updated_at, row.id) : created,
      .tags = {},
  };
}

/// Entries by id, to be completed from the other tables.
using Index = std::unordered_map<std::string_view, ImageEntry*>;

/// Calls `take(entry, value)` for every row of an (image_id, value) selection that belongs to one
/// of the entries.
template <typename Value, typename Take>
void each_detail(Session& sql, const std::string& text, std::span<const std::string> ids,
                 const Index& entries, Take&& take) {
  std::string id;
  Value value{};
  const auto define = [&](soci::statement& to) {
    to.exchange(soci::into(id));
    to.exchange(soci::into(value));
  };
  select(sql, text, ids, define, [&] {
    const auto found = entries.find(id);
    if (found != entries.end()) take(*found->second, value);
  });
}

void sort_tags(std::vector<std::string>& tags) {
  std::ranges::sort(tags);
  const auto twice = std::ranges::unique(tags);
  tags.erase(twice.begin(), twice.end());
  tags.shrink_to_fit();
}

void complete(Session& sql, std::span<ImageEntry> entries, std::string_view only,
              std::span<const std::string> ids) {
  Index index;
  index.reserve(entries.size());
  for (auto& entry : entries) index.emplace(entry.id.text(), &entry);
  const auto text = [&](std::string_view select) {
    return std::string(select) + (ids.empty() ? "" : " AND image_id" + std::string(only));
  };
  each_detail<long long>(sql, text(kNameOrders), ids, index,
                         [](ImageEntry& entry, long long seq) { entry.name_order = seq; });
  // The first time that data were stored, of each entry.
  std::vector<std::optional<Timestamp>> stored(entries.size());
  each_detail<std::string>(sql, text(kStoredTimes), ids, index,
                           [&](const ImageEntry& entry, const std::string& created) {
                             const auto time = stored_time(created, entry.id.text());
                             auto& first =
                                 stored[static_cast<std::size_t>(&entry - entries.data())];
                             first = std::min(first.value_or(time), time);
                           });
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (stored[i]) entries[i].data_time = *stored[i];
  }
  each_detail<std::string>(sql, text(kDataTimes), ids, index,
                           [](ImageEntry& entry, const std::string& time) {
                             entry.data_time = stored_time(time, entry.id.text());
                           });
  each_detail<std::string>(
      sql, text(kTags), ids, index,
      [](ImageEntry& entry, const std::string& tag) { entry.tags.push_back(tag); });
  for (auto& entry : entries) sort_tags(entry.tags);
}

/// How many images have a name's place: nearly as many as there are entries.
std::size_t count_names(Session& sql) {
  long long count = 0;
  sql << "SELECT COUNT(*) FROM glancefs_names", soci::into(count);
  return static_cast<std::size_t>(count);
}

/// With `ids` only those.
std::vector<ImageEntry> fetch_entries(Session& sql, std::span<const std::string> ids) {
  const std::string only = ids.empty() ? "" : " IN " + in_list(ids.size());
  std::vector<ImageEntry> entries;
  entries.reserve(ids.empty() ? count_names(sql) : ids.size());
  EntryRow row;
  select(
      sql, std::string(kImages) + (ids.empty() ? "" : " AND id" + only), ids,
      [&](soci::statement& to) { row.define(to); },
      [&] {
        if (auto entry = entry_of(row)) entries.push_back(std::move(*entry));
      });
  if (!entries.empty()) complete(sql, entries, only, ids);
  return entries;
}

}  // namespace

std::vector<ImageEntry> select_entries(Session& sql) {
  return fetch_entries(sql, {});
}

std::vector<ImageEntry> select_entries(Session& sql, std::span<const ImageId> ids) {
  std::vector<ImageEntry> entries;
  each_batch(ids, [&](std::span<const std::string> texts) {
    auto some = fetch_entries(sql, texts);
    std::ranges::move(some, std::back_inserter(entries));
  });
  return entries;
}

std::map<ImageId, Digests> select_digests(Session& sql, std::span<const ImageId> ids) {
  std::map<ImageId, Digests> digests;
  each_batch(ids, [&](std::span<const std::string> texts) {
    std::string id;
    std::optional<std::string> checksum;
    std::optional<std::string> algo;
    std::optional<std::string> value;
    const auto define = [&](soci::statement& to) {
      to.exchange(soci::into(id));
      to.exchange(soci::into(checksum));
      to.exchange(soci::into(algo));
      to.exchange(soci::into(value));
    };
    const std::string text =
        "SELECT id, checksum, os_hash_algo, os_hash_value FROM images WHERE id IN " +
        in_list(texts.size());
    select(sql, text, texts, define, [&] {
      const auto parsed = ImageId::parse(id);
      if (!parsed) return;
      digests[*parsed] = {.checksum = checksum.value_or(""),
                          .os_hash_algo = algo.value_or(""),
                          .os_hash_value = value.value_or("")};
    });
  });
  return digests;
}

void upsert_data_time(Session& sql, const ImageId& id, Timestamp time) {
  const std::string text = format_db_time(time);
  const auto updated =
      execute(sql, "UPDATE glancefs_attributes SET data_time = :time WHERE image_id = :id", text,
              id.text());
  if (updated > 0) return;
  execute(sql, "INSERT INTO glancefs_attributes (image_id, data_time) VALUES (:id, :time)",
          id.text(), text);
}

}  // namespace glance::rows
