// SPDX-License-Identifier: Apache-2.0
#include "catalog/rows/deleted_rows.h"

#include <array>
#include <utility>

#include <fmt/format.h>

#include "catalog/rows/image_rows.h"

namespace glance::rows {

std::optional<Image> select_deleted_image(Session& sql, const ImageId& id) {
  const std::array bindings = {id.text()};
  auto images = select_images(
      sql, fmt::format("SELECT {} FROM images WHERE id = ? AND deleted IS TRUE", kImageColumns),
      bindings);
  if (images.empty()) return std::nullopt;
  return std::move(images.front());
}

bool was_member(Session& sql, const ImageId& id, const std::string& member) {
  int count = 0;
  sql << "SELECT COUNT(*) FROM image_members m JOIN images i ON i.id = m.image_id"
         " WHERE m.image_id = :id AND m.member = :member AND i.deleted IS TRUE"
         " AND m.deleted_at = i.deleted_at",
      soci::use(id.text()), soci::use(member), soci::into(count);
  return count > 0;
}

}  // namespace glance::rows
