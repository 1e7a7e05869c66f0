// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "catalog/model/image.h"

namespace glance {

/// What a directory shows of an image: the part that a mount keeps in memory for all of them.
struct ImageEntry {
  ImageId id;
  std::optional<std::string> name;
  std::int64_t name_order = 0;  ///< of several images of one name the lowest has it longest
  ImageStatus status = ImageStatus::queued;
  bool unlisted = false;          ///< os_hidden, or to be replaced by a file that is being written
  bool has_md5 = false;           ///< the digest is recorded, in full length
  bool has_sha512 = false;        ///< the same for os_hash_value, where os_hash_algo says sha512
  std::uint64_t size = 0;         ///< bytes; 0 while unknown
  Timestamp data_time;            ///< mtime: set by a tool, else when the data were stored
  Timestamp updated_at;           ///< ctime
  std::vector<std::string> tags;  ///< sorted, no duplicates
};

}  // namespace glance
