// SPDX-License-Identifier: Apache-2.0
#include "catalog/rows/upload_rows.h"

#include <array>

#include <unistd.h>

#include "catalog/model/timestamp.h"
#include "catalog/rows/replacement_rows.h"

namespace glance::rows {

namespace {

constexpr const char* kOpen = "open";
constexpr const char* kClosed = "closed";
constexpr const char* kSealed = "sealed";

/// For versions of ours that knew dead uploaders by it.
std::string host_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) throw_errno(errno, "gethostname");
  return name.data();
}

std::string origin_name(UploadOrigin origin) {
  switch (origin) {
    case UploadOrigin::mount:
      return "mount";
    case UploadOrigin::rest:
      return "rest";
    case UploadOrigin::tool:
      return "tool";
  }
  throw Error(Errc::invalid, "unknown upload origin");
}

}  // namespace

void insert_upload(Session& sql, const ImageId& id, const UploadOptions& options,
                   const std::string& instance, Timestamp when) {
  const std::string now = format_db_time(when);
  // A row can only be left from a dead upload of this image: we hold the store's lock.
  delete_upload(sql, id);
  execute(sql,
          "INSERT INTO glancefs_uploads (image_id, host, origin, owns_image, state, created_at,"
          " updated_at, instance)"
          " VALUES (:id, :host, :origin, :owns, :state, :created, :updated, :instance)",
          id.text(), host_name(), origin_name(options.origin), int{options.owns_image},
          std::string(kOpen), now, now, instance);
  if (options.replaces) insert_replacement(sql, id, *options.replaces);
}

bool seal_upload(Session& sql, const ImageId& id, const SealedData& data, Timestamp when) {
  std::optional<long long> virtual_size;
  if (data.virtual_size) virtual_size = static_cast<long long>(*data.virtual_size);
  return execute(sql,
                 "UPDATE glancefs_uploads SET state = :state, size = :size, checksum = :checksum,"
                 " os_hash_algo = :algo, os_hash_value = :value, disk_format = :disk_format,"
                 " container_format = :container_format, virtual_size = :virtual_size,"
                 " updated_at = :now WHERE image_id = :id",
                 std::string(kSealed), static_cast<long long>(data.size), data.digests.checksum,
                 data.digests.os_hash_algo, data.digests.os_hash_value, data.disk_format,
                 data.container_format, virtual_size, format_db_time(when), id.text()) > 0;
}

bool close_upload(Session& sql, const ImageId& id, std::uint64_t size, Timestamp when) {
  return execute(sql,
                 "UPDATE glancefs_uploads SET state = :state, size = :size, updated_at = :now"
                 " WHERE image_id = :id",
                 std::string(kClosed), static_cast<long long>(size), format_db_time(when),
                 id.text()) > 0;
}

bool reopen_upload(Session& sql, const ImageId& id, Timestamp when) {
  return execute(sql,
                 "UPDATE glancefs_uploads SET state = :state, updated_at = :now"
                 " WHERE image_id = :id",
                 std::string(kOpen), format_db_time(when), id.text()) > 0;
}

bool delete_upload(Session& sql, const ImageId& id) {
  execute(sql, "DELETE FROM glancefs_replacements WHERE image_id = :id", id.text());
  return execute(sql, "DELETE FROM glancefs_uploads WHERE image_id = :id", id.text()) > 0;
}

std::optional<UploadRow> select_upload(Session& sql, const ImageId& id) {
  using soci::into;
  int owns_image = 0;
  std::string origin;
  std::string state;
  std::optional<long long> size;
  std::optional<long long> virtual_size;
  std::optional<std::string> checksum;
  std::optional<std::string> algo;
  std::optional<std::string> value;
  std::optional<std::string> instance;
  SealedData sealed;
  sql << "SELECT owns_image, origin, state, size, checksum, os_hash_algo, os_hash_value,"
         " disk_format, container_format, virtual_size, instance FROM glancefs_uploads WHERE "
         "image_id = :id",
      soci::use(id.text()), into(owns_image), into(origin), into(state), into(size), into(checksum),
      into(algo), into(value), into(sealed.disk_format), into(sealed.container_format),
      into(virtual_size), into(instance);
  if (!sql.got_data()) return std::nullopt;
  const auto bytes = static_cast<std::uint64_t>(size.value_or(0));
  UploadRow row{.id = id,
                .instance = std::move(instance),
                .owns_image = owns_image != 0,
                .detect_format = origin != origin_name(UploadOrigin::rest),
                .closed_size = std::nullopt,
                .sealed = std::nullopt,
                .replaces = select_replacement(sql, id)};
  if (state == kClosed) row.closed_size = bytes;
  if (state == kSealed) {
    sealed.size = bytes;
    sealed.digests = {checksum.value_or(""), algo.value_or(""), value.value_or("")};
    if (virtual_size) sealed.virtual_size = static_cast<std::uint64_t>(*virtual_size);
    row.sealed = std::move(sealed);
  }
  return row;
}

std::vector<ImageId> select_uploads(Session& sql) {
  const soci::rowset<std::string> rows = (sql.prepare << "SELECT image_id FROM glancefs_uploads");
  std::vector<ImageId> ids;
  for (const auto& text : rows) {
    if (auto id = ImageId::parse(text)) ids.push_back(*id);
  }
  return ids;
}

std::optional<Timestamp> sealed_at(Session& sql, const ImageId& id) {
  std::string when;
  sql << "SELECT updated_at FROM glancefs_uploads WHERE image_id = :id AND state = 'sealed'",
      soci::use(id.text()), soci::into(when);
  if (!sql.got_data()) return std::nullopt;
  return parse_time(when);
}

Expectation select_expectation(Session& sql, const ImageId& id) {
  Expectation expected;
  std::optional<long long> size;
  sql << "SELECT size, checksum, os_hash_algo, os_hash_value FROM glancefs_expectations"
         " WHERE image_id = :id",
      soci::use(id.text()), soci::into(size), soci::into(expected.checksum),
      soci::into(expected.os_hash_algo), soci::into(expected.os_hash_value);
  if (!sql.got_data()) return {};
  if (size) expected.size = static_cast<std::uint64_t>(*size);
  return expected;
}

void upsert_expectation(Session& sql, const ImageId& id, const Expectation& expected) {
  std::optional<long long> size;
  if (expected.size) size = static_cast<long long>(*expected.size);
  execute(sql, "DELETE FROM glancefs_expectations WHERE image_id = :id", id.text());
  execute(sql,
          "INSERT INTO glancefs_expectations (image_id, size, checksum, os_hash_algo,"
          " os_hash_value) VALUES (:id, :size, :checksum, :algo, :value)",
          id.text(), size, expected.checksum, expected.os_hash_algo, expected.os_hash_value);
}

}  // namespace glance::rows
