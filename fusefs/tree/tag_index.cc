// SPDX-License-Identifier: Apache-2.0
#include "fusefs/tree/tag_index.h"

#include <fmt/format.h>

#include "fusefs/tree/names.h"

namespace glance::fs {

Tag& TagIndex::at(const std::string& tag) {
  if (const auto known = tags_.find(tag); known != tags_.end()) return known->second;
  Inode inode = tag_inode(tag);
  while (by_inode_.contains(inode)) ++inode;
  std::string file_name = encode_tag(tag);
  // Too long, or the name of another tag that was: completed by what no other tag has.
  if (file_name.size() > kMaxFileName || by_name_.contains(file_name)) {
    const std::string digits = fmt::format("{:016x}", inode);
    file_name = qualify(file_name, digits, digits.size());
  }
  Tag& added = tags_[tag];
  added.tag = tag;
  added.file_name = std::move(file_name);
  added.inode = inode;
  by_name_[added.file_name] = &added;
  by_inode_[inode] = &added;
  return added;
}

const Tag* TagIndex::find(Inode inode) const {
  const auto found = by_inode_.find(inode);
  return found == by_inode_.end() ? nullptr : found->second;
}

Tag* TagIndex::find(Inode inode) {
  const auto found = by_inode_.find(inode);
  return found == by_inode_.end() ? nullptr : found->second;
}

const Tag* TagIndex::find_tag(const std::string& tag) const {
  const auto found = tags_.find(tag);
  return found == tags_.end() ? nullptr : &found->second;
}

const Tag* TagIndex::find_name(const std::string& file_name) const {
  const auto found = by_name_.find(file_name);
  return found == by_name_.end() ? nullptr : found->second;
}

void TagIndex::erase(const Tag& tag) {
  by_inode_.erase(tag.inode);
  by_name_.erase(tag.file_name);
  tags_.erase(std::string(tag.tag));
}

std::vector<const Tag*> TagIndex::all() const {
  std::vector<const Tag*> tags;
  tags.reserve(by_name_.size());
  for (const auto& [name, tag] : by_name_) tags.push_back(tag);
  return tags;
}

}  // namespace glance::fs
