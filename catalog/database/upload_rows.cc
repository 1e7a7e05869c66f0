// SPDX-License-Identifier: Apache-2.0
#include "catalog/database/upload_rows.h"

#include <array>

#include <unistd.h>

#include "catalog/timestamp.h"

namespace glance::rows {

namespace {

constexpr const char* kOpen = "open";
constexpr const char* kSealed = "sealed";

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

void insert_upload(Session& sql, const ImageId& id, const UploadOptions& options, Timestamp when) {
  const std::string now = format_db_time(when);
  // A row can only be left from a dead upload of this image: we hold the store's lock.
  delete_upload(sql, id);
  execute(sql,
          "INSERT INTO glancefs_uploads (image_id, host, origin, owns_image, hidden, state,"
          " created_at, updated_at)"
          " VALUES (:id, :host, :origin, :owns, false, :state, :created, :updated)",
          id.text(), host_name(), origin_name(options.origin), int{options.owns_image},
          std::string(kOpen), now, now);
}

bool update_upload(Session& sql, const ImageId& id, const std::optional<SealedData>& sealed,
                   Timestamp when) {
  std::optional<long long> size;
  std::optional<long long> virtual_size;
  std::optional<std::string> checksum;
  std::optional<std::string> algo;
  std::optional<std::string> value;
  std::optional<std::string> disk_format;
  std::optional<std::string> container_format;
  if (sealed) {
    size = static_cast<long long>(sealed->size);
    if (sealed->virtual_size) virtual_size = static_cast<long long>(*sealed->virtual_size);
    checksum = sealed->digests.checksum;
    algo = sealed->digests.os_hash_algo;
    value = sealed->digests.os_hash_value;
    disk_format = sealed->disk_format;
    container_format = sealed->container_format;
  }
  return execute(sql,
                 "UPDATE glancefs_uploads SET state = :state, size = :size, checksum = :checksum,"
                 " os_hash_algo = :algo, os_hash_value = :value, disk_format = :disk_format,"
                 " container_format = :container_format, virtual_size = :virtual_size,"
                 " updated_at = :now WHERE image_id = :id",
                 std::string(sealed ? kSealed : kOpen), size, checksum, algo, value, disk_format,
                 container_format, virtual_size, format_db_time(when), id.text()) > 0;
}

bool delete_upload(Session& sql, const ImageId& id) {
  return execute(sql, "DELETE FROM glancefs_uploads WHERE image_id = :id", id.text()) > 0;
}

std::optional<UploadRow> select_upload(Session& sql, const ImageId& id) {
  using soci::into;
  int owns_image = 0;
  std::string state;
  std::optional<long long> size;
  std::optional<long long> virtual_size;
  std::optional<std::string> checksum;
  std::optional<std::string> algo;
  std::optional<std::string> value;
  SealedData sealed;
  sql << "SELECT owns_image, state, size, checksum, os_hash_algo, os_hash_value, disk_format,"
         " container_format, virtual_size FROM glancefs_uploads WHERE image_id = :id",
      soci::use(id.text()), into(owns_image), into(state), into(size), into(checksum), into(algo),
      into(value), into(sealed.disk_format), into(sealed.container_format), into(virtual_size);
  if (!sql.got_data()) return std::nullopt;
  UploadRow row{.id = id, .owns_image = owns_image != 0, .sealed = std::nullopt};
  if (state == kSealed) {
    sealed.size = static_cast<std::uint64_t>(size.value_or(0));
    sealed.digests = {checksum.value_or(""), algo.value_or(""), value.value_or("")};
    if (virtual_size) sealed.virtual_size = static_cast<std::uint64_t>(*virtual_size);
    row.sealed = std::move(sealed);
  }
  return row;
}

std::vector<ImageId> select_uploads_of_this_host(Session& sql) {
  const std::string host = host_name();
  const soci::rowset<std::string> rows =
      (sql.prepare << "SELECT image_id FROM glancefs_uploads WHERE host = :host", soci::use(host));
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

}  // namespace glance::rows
