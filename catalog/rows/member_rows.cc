// SPDX-License-Identifier: Apache-2.0
#include "catalog/rows/member_rows.h"

#include <span>
#include <utility>

#include <spdlog/spdlog.h>

#include "catalog/model/timestamp.h"
#include "catalog/rows/query.h"

namespace glance::rows {

namespace {

constexpr const char* kMembersOf =
    "SELECT member, status, created_at, updated_at FROM image_members"
    " WHERE image_id = :id AND deleted IS FALSE";

struct MemberRow {
  std::string member;
  std::string status;
  std::string created_at;
  std::optional<std::string> updated_at;
};

/// Nothing for a row that no member can have.
std::optional<ImageMember> member_of(const MemberRow& row, const ImageId& id) {
  const auto status = parse_member_status(row.status);
  const auto created = parse_time(row.created_at);
  if (!status || !created) {
    spdlog::warn("member '{}' of image {} is left out: status '{}', created_at '{}'", row.member,
                 id.text(), row.status, row.created_at);
    return std::nullopt;
  }
  const auto updated = row.updated_at ? parse_time(*row.updated_at) : std::nullopt;
  return ImageMember{.image_id = id,
                     .member = row.member,
                     .status = *status,
                     .created_at = *created,
                     .updated_at = updated.value_or(*created)};
}

std::vector<ImageMember> fetch_members(Session& sql, const ImageId& id, const std::string& text,
                                       std::span<const std::string> bindings) {
  std::vector<ImageMember> members;
  MemberRow row;
  const auto define = [&](soci::statement& to) {
    to.exchange(soci::into(row.member));
    to.exchange(soci::into(row.status));
    to.exchange(soci::into(row.created_at));
    to.exchange(soci::into(row.updated_at));
  };
  select(sql, text, bindings, define, [&] {
    if (auto member = member_of(row, id)) members.push_back(std::move(*member));
  });
  return members;
}

}  // namespace

std::vector<ImageMember> select_members(Session& sql, const ImageId& id) {
  const std::vector<std::string> bindings = {id.text()};
  return fetch_members(sql, id, std::string(kMembersOf) + " ORDER BY id", bindings);
}

std::optional<ImageMember> select_member(Session& sql, const ImageId& id,
                                         const std::string& member) {
  const std::vector<std::string> bindings = {id.text(), member};
  auto members = fetch_members(
      sql, id, std::string(kMembersOf) + " AND member = :member ORDER BY id", bindings);
  if (members.empty()) return std::nullopt;
  return std::move(members.front());
}

std::size_t count_members(Session& sql, const ImageId& id) {
  long long count = 0;
  sql << "SELECT COUNT(*) FROM image_members WHERE image_id = :id AND deleted IS FALSE",
      soci::use(id.text()), soci::into(count);
  return static_cast<std::size_t>(count);
}

void insert_member(Session& sql, const ImageMember& member) {
  const auto status = std::string(to_string(member.status));
  const auto created = format_db_time(member.created_at);
  const auto updated = format_db_time(member.updated_at);
  const auto revived = execute(
      sql,
      "UPDATE image_members SET status = :status, created_at = :created, updated_at = :updated,"
      " can_share = false, deleted = false WHERE id = (SELECT MIN(id) FROM image_members"
      " WHERE image_id = :id AND member = :member)",
      status, created, updated, member.image_id.text(), member.member);
  if (revived > 0) return;
  execute(sql,
          "INSERT INTO image_members (image_id, member, can_share, status, created_at, updated_at,"
          " deleted) VALUES (:id, :member, false, :status, :created, :updated, false)",
          member.image_id.text(), member.member, status, created, updated);
}

void update_member(Session& sql, const ImageMember& member) {
  execute(sql,
          "UPDATE image_members SET status = :status, updated_at = :updated"
          " WHERE image_id = :id AND member = :member AND deleted IS FALSE",
          std::string(to_string(member.status)), format_db_time(member.updated_at),
          member.image_id.text(), member.member);
}

void delete_member(Session& sql, const ImageMember& member, Timestamp when) {
  const auto now = format_db_time(when);
  execute(sql,
          "UPDATE image_members SET deleted = true, deleted_at = :gone, updated_at = :now"
          " WHERE image_id = :id AND member = :member AND deleted IS FALSE",
          now, now, member.image_id.text(), member.member);
}

}  // namespace glance::rows
