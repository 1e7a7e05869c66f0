// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "catalog/model/image.h"
#include "catalog/model/image_draft.h"

namespace glance {

struct ImageLimits;

/// A value of the Image API's flat image object, freed from JSON.
using AttributeValue =
    std::variant<std::nullptr_t, bool, std::int64_t, std::string, std::vector<std::string>>;

enum class AttributeType { text, boolean, integer, tags, timestamp, locations };

/// A key that every image has. All other keys are custom properties.
struct CoreAttribute {
  std::string_view name;
  AttributeType type;
  bool settable;  ///< by users, after creation
};

/// The core attribute of that name; null for a custom property.
[[nodiscard]] const CoreAttribute* find_core_attribute(std::string_view name) noexcept;

/// Every core attribute, in the order that the API's documentation uses.
[[nodiscard]] std::span<const CoreAttribute> core_attributes() noexcept;

/// Names that neither users nor properties may take: `location`, `deleted`, `deleted_at`,
/// `locations` and everything that starts with `os_glance` (docs/image-api.md, "Images").
[[nodiscard]] bool is_reserved_attribute(std::string_view name) noexcept;

/// One wish to change an image. The four kinds follow JSON Patch and setxattr(2) at once.
struct AttributeEdit {
  enum class Kind {
    put,      ///< set, whether it was there or not (JSON Patch v2.1 `add`)
    create,   ///< set a property that must not be there yet (v2.0 `add`, XATTR_CREATE): exists
    replace,  ///< set what must be there already (XATTR_REPLACE): conflict
    remove,   ///< remove a custom property: conflict if absent, forbidden for a core attribute
    reset,    ///< give a core attribute its default, or remove a property: not_found if absent
  };
  Kind kind = Kind::put;
  std::string name;
  AttributeValue value = nullptr;
};

/// Applies `edit` to `image`, in memory, after checking it against the rules of
/// docs/image-api.md, "Images" and "Changing an image". Pure. Errors: read_only_key, forbidden
/// (reserved, core removal, formats of an image that has data), invalid, conflict, exists,
/// not_found, over_quota (property or tag quota).
void apply(const AttributeEdit& edit, const ImageLimits& limits, Image& image);

/// The same checks for all of a draft. Errors: as apply().
void validate(const ImageDraft& draft, const ImageLimits& limits);

/// The attribute as text, the way the mount's xattrs and the operator's tool show it: booleans are
/// `true`/`false`, tags are joined by commas (a comma in a tag is `%2C`), times are ISO 8601.
/// Nothing when the attribute is null or no such property exists.
[[nodiscard]] std::optional<std::string> attribute_text(const Image& image, std::string_view name);

}  // namespace glance
