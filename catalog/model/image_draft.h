// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "catalog/model/image_id.h"
#include "catalog/model/visibility.h"

namespace glance {

/// What becomes of an image whose name another one takes over.
enum class Replaced {
  deleted,
  hidden,  ///< kept under its id, with os_hidden: clouds rebuild servers from old ids
};

/// What a new image may be given. Everything else is the catalog's to decide.
struct ImageDraft {
  std::optional<ImageId> id;  ///< random when absent
  std::optional<std::string> name;
  Visibility visibility = Visibility::shared;
  bool is_protected = false;
  bool os_hidden = false;
  std::optional<std::string> owner;  ///< the caller's project when absent
  std::optional<std::string> disk_format;
  std::optional<std::string> container_format;
  std::int32_t min_disk = 0;
  std::int32_t min_ram = 0;
  std::vector<std::string> tags;
  std::map<std::string, std::string> properties;
  /// A file on its way to its real name, as rsync makes them: shown to callers who see
  /// temporaries only, until it is renamed or active.
  bool temporary = false;
};

}  // namespace glance
