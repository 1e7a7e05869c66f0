// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "catalog/model/attributes.h"
#include "catalog/model/image.h"

namespace glance {

/// What a caller says of data that he registers: taken over as it is, for an image that has no
/// digests yet (docs/image-api.md, "Locations").
struct ValidationData {
  std::optional<std::string> checksum;  ///< MD5, in hex
  std::string os_hash_algo;
  std::string os_hash_value;  ///< in hex
};

struct NewLocation {
  Location location;
  std::optional<ValidationData> validation;
};

/// One wish to change where an image's data lie.
struct LocationEdit {
  enum class Kind {
    add,      ///< of `locations` the one, before `position`
    remove,   ///< that at `position`, and its data
    replace,  ///< all by `locations`: the first ones, or other metadata for the same URLs
  };
  Kind kind = Kind::add;
  std::string position = "-";  ///< a number from 0; `-` is the end
  std::vector<NewLocation> locations;
};

/// What one operation of a PATCH can wish for.
using ImageEdit = std::variant<AttributeEdit, LocationEdit>;

}  // namespace glance
