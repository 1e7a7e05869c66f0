// SPDX-License-Identifier: Apache-2.0
#include "catalog/policy/policy.h"

#include <optional>
#include <string>
#include <variant>

#include "catalog/base/error.h"

namespace glance {
namespace {

bool owns(const Caller& caller, const Image& image) noexcept {
  return caller.project && image.owner && *caller.project == *image.owner;
}

}  // namespace

bool may_see(const Caller& caller, const Image& image) noexcept {
  if (image.temporary && !caller.sees_temporaries) return false;
  if (caller.is_admin || owns(caller, image)) return true;
  switch (image.visibility) {
    case Visibility::public_:
    case Visibility::community:
      return true;
    case Visibility::shared:
      return !image.owner;  // nobody's: nobody could share it with members
    case Visibility::private_:
      return false;
  }
  return false;
}

bool may_modify(const Caller& caller, const Image& image) noexcept {
  return caller.is_admin || owns(caller, image);
}

bool may_download(const Caller& caller, const Image& image) noexcept {
  if (caller.is_admin) return true;
  if (image.status == ImageStatus::deactivated) return false;
  // Who holds somebody else's shared image was admitted by the database, as a member.
  return image.visibility == Visibility::shared || may_see(caller, image);
}

void require_permitted(const Caller& caller, Visibility visibility) {
  if (caller.is_admin || visibility != Visibility::public_) return;
  throw Error(Errc::forbidden, "You are not authorized to complete publicize_image action.");
}

void require_permitted(const Caller& caller, const AttributeEdit& edit) {
  if (caller.is_admin) return;
  if (edit.name == "owner") throw Error(Errc::forbidden, "Owner can't be updated by non admin.");
  if (edit.name != "visibility") return;
  const auto* text = std::get_if<std::string>(&edit.value);
  const auto visibility = text == nullptr ? std::nullopt : parse_visibility(*text);
  if (visibility) require_permitted(caller, *visibility);
}

}  // namespace glance
