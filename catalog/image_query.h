// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "catalog/image.h"

namespace glance {

/// The columns that a list can be filtered or sorted by.
enum class ImageColumn {
  id,
  name,
  status,
  visibility,
  owner,
  disk_format,
  container_format,
  checksum,
  os_hash_value,
  size,
  created_at,
  updated_at,
};

struct ImageFilter {
  ImageColumn column;
  std::string value;  ///< equality; a number's or timestamp's text for such columns
};

struct ImageSort {
  ImageColumn column;
  bool descending = true;
};

/// Which images to list, in which order, from where. Values only; the database makes SQL of it.
struct ImageQuery {
  std::vector<ImageFilter> filters;       ///< all must hold
  std::vector<std::string> tags;          ///< all must be there
  std::optional<bool> os_hidden = false;  ///< nothing: hidden and others alike
  std::vector<ImageSort> sort;            ///< ties: created_at, then id, newest first
  bool temporaries = false;               ///< files on their way to their name, see ImageDraft
  std::optional<ImageId> marker;          ///< the last image of the page before
  std::optional<std::uint32_t> limit;     ///< nothing: all
};

}  // namespace glance
