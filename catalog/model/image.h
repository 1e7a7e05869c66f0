// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "catalog/model/image_id.h"
#include "catalog/model/image_status.h"
#include "catalog/model/location.h"
#include "catalog/model/timestamp.h"
#include "catalog/model/visibility.h"

namespace glance {

/// One image as the catalog held it at one moment: a value, never updated behind its owner's back.
struct Image {
  ImageId id;
  std::optional<std::string> name;
  ImageStatus status = ImageStatus::queued;
  Visibility visibility = Visibility::shared;
  bool is_protected = false;
  bool os_hidden = false;
  std::optional<std::string> owner;
  std::optional<std::string> disk_format;
  std::optional<std::string> container_format;
  std::int32_t min_disk = 0;                  ///< GB
  std::int32_t min_ram = 0;                   ///< MB
  std::optional<std::uint64_t> size;          ///< bytes
  std::optional<std::uint64_t> virtual_size;  ///< bytes
  std::optional<std::string> checksum;
  std::optional<std::string> os_hash_algo;
  std::optional<std::string> os_hash_value;
  Timestamp created_at;
  Timestamp updated_at;
  std::vector<std::string> tags;                  ///< sorted, no duplicates
  std::map<std::string, std::string> properties;  ///< the custom ones
  std::vector<Location> locations;
  bool temporary = false;  ///< see ImageDraft
};

}  // namespace glance
