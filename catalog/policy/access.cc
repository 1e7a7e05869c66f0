// SPDX-License-Identifier: Apache-2.0
#include "catalog/policy/access.h"

#include <utility>

#include "catalog/policy/policy.h"
#include "catalog/rows/deleted_rows.h"
#include "catalog/rows/image_rows.h"
#include "catalog/rows/member_rows.h"

namespace glance {

namespace {

bool is_member(Session& sql, const Caller& caller, const Image& image) {
  return image.visibility == Visibility::shared && caller.project &&
         rows::select_member(sql, image.id, *caller.project).has_value();
}

}  // namespace

Error no_such_image(const ImageId& id) {
  return {Errc::not_found, "No image found with ID " + id.text()};
}

std::optional<Image> find_visible(Session& sql, const Caller& caller, const ImageId& id) {
  auto image = rows::select_image(sql, id);
  if (image && !may_see(caller, *image) && !is_member(sql, caller, *image)) image.reset();
  return image;
}

bool could_see(Session& sql, const Caller& caller, const ImageId& id) {
  if (find_visible(sql, caller, id)) return true;
  const auto deleted = rows::select_deleted_image(sql, id);
  if (!deleted) return false;
  if (may_see(caller, *deleted)) return true;
  return deleted->visibility == Visibility::shared && caller.project &&
         rows::was_member(sql, id, *caller.project);
}

Image require_visible(Session& sql, const Caller& caller, const ImageId& id) {
  auto image = find_visible(sql, caller, id);
  if (!image) throw no_such_image(id);
  return *std::move(image);
}

Image require_modifiable(Session& sql, const Caller& caller, const ImageId& id) {
  auto image = require_visible(sql, caller, id);
  if (!may_modify(caller, image)) {
    throw Error(Errc::forbidden, "You are not permitted to modify image " + id.text());
  }
  return image;
}

}  // namespace glance
