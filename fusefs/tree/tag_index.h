// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "fusefs/tree/inodes.h"

namespace glance::fs {

/// When a directory's names changed last, for stat(2) and for the kernel's cache of them.
struct ListingTimes {
  Timestamp changed;
  Timestamp cached;  ///< `changed` as it was when the kernel began to cache the names
};

/// A tag as a directory.
struct Tag {
  std::string tag;
  std::string file_name;  ///< in .by-tag; no two tags share one
  Inode inode = 0;
  std::unordered_set<Inode> images;
  bool kept = false;  ///< made by mkdir(2) or emptied here: stays without images until rmdir(2)
  ListingTimes times;
};

/// The tags that are directories: those that images have, and those that are kept without.
/// In memory only. Not synchronised; pointers are good until the tag is erased.
class TagIndex {
 public:
  /// The tag, which is new and has no images if it was not known.
  Tag& at(const std::string& tag);

  [[nodiscard]] const Tag* find(Inode inode) const;
  [[nodiscard]] const Tag* find_tag(const std::string& tag) const;
  [[nodiscard]] const Tag* find_name(const std::string& file_name) const;
  [[nodiscard]] Tag* find(Inode inode);

  void erase(const Tag& tag);

  /// By file name.
  [[nodiscard]] std::vector<const Tag*> all() const;
  [[nodiscard]] std::size_t size() const noexcept { return tags_.size(); }

 private:
  std::map<std::string, Tag> tags_;  // by the tag itself
  std::map<std::string, Tag*> by_name_;
  std::unordered_map<Inode, Tag*> by_inode_;
};

}  // namespace glance::fs
