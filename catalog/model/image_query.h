// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "catalog/model/image.h"
#include "catalog/model/image_member.h"

namespace glance {

/// The columns that a list can be filtered or sorted by.
enum class ImageColumn {
  id,
  name,
  status,
  owner,
  disk_format,
  container_format,
  checksum,
  os_hash_algo,
  os_hash_value,
  size,
  virtual_size,
  min_disk,
  min_ram,
  is_protected,
  created_at,
  updated_at,
};

enum class Comparison { equal, not_equal, less, less_or_equal, greater, greater_or_equal };

/// Compares a column with texts: a number's digits, a timestamp as the database writes it, a flag
/// as 0 or 1. NULL satisfies no comparison.
struct ImageFilter {
  ImageColumn column;
  std::vector<std::string> values;  ///< `equal` is satisfied by any of them; the others have one
  Comparison comparison = Comparison::equal;
};

struct PropertyFilter {
  std::string name;
  std::string value;  ///< equality
};

struct ImageSort {
  ImageColumn column;
  bool descending = true;
};

/// Which images to list, in which order, from where. Values only; the database makes SQL of it.
/// Whatever is asked for, callers who are no administrators only get public and community images,
/// their own project's, and those that are shared with it.
struct ImageQuery {
  std::vector<ImageFilter> filters;        ///< all must hold
  std::vector<PropertyFilter> properties;  ///< all must hold
  std::vector<std::string> tags;           ///< all must be there
  std::optional<bool> os_hidden = false;   ///< nothing: hidden and others alike
  std::optional<Visibility> visibility;    ///< nothing: any
  bool foreign_community = true;           ///< false: no community images but the caller's own
  std::optional<MemberStatus> membership;  ///< of images shared with the caller; nothing: any
  std::vector<ImageSort> sort;             ///< ties: created_at, then id
  bool ties_descending = true;             ///< the order of those two
  std::optional<ImageId> marker;           ///< the last image of the page before
  std::optional<std::uint32_t> limit;      ///< nothing: all
};

/// Some of a query's images.
struct ImagePage {
  std::vector<Image> images;
  bool is_cut = false;  ///< for its size: more images follow, though there are fewer than `limit`
};

}  // namespace glance
