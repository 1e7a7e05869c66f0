// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string_view>

namespace glance {

/// A custom property that OpenStack's services agree on (Glance's schema-image.json). All others
/// may hold any text.
struct KnownProperty {
  std::string_view name;
  std::string_view description;
  bool is_image_id = false;                   ///< a UUID; null means that there is none
  std::span<const std::string_view> allowed;  ///< empty: any text
};

[[nodiscard]] std::span<const KnownProperty> known_properties() noexcept;

/// Null for a property that nobody has agreed on.
[[nodiscard]] const KnownProperty* find_known_property(std::string_view name) noexcept;

/// What an image id looks like, as a regular expression of JSON schemas.
inline constexpr std::string_view kImageIdPattern =
    "^([0-9a-fA-F]){8}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){12}$";

}  // namespace glance
