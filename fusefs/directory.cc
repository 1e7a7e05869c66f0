// SPDX-License-Identifier: Apache-2.0
#include "fusefs/directory.h"

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

#include "fusefs/names.h"

namespace glance::fs {

namespace {

/// FNV-1a over the id's characters, kept clear of the small numbers of the views and of the sign
/// bit, which some programs print badly.
Inode hash_inode(const ImageId& id) noexcept {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char c : id.text()) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x100000001b3ULL;
  }
  return (hash >> 2) | (1ULL << 61);
}

/// The name under which an image's group is kept: its own, or its id if it has none.
std::string base_name(const ImageEntry& image) {
  return image.name && !image.name->empty() ? encode_name(*image.name) : image.id.text();
}

bool carried_longer(const NodePtr& a, const NodePtr& b) {
  return std::tie(a->image.name_order, a->image.id) < std::tie(b->image.name_order, b->image.id);
}

}  // namespace

Directory::Directory(Catalog& catalog, Caller caller,
                     std::function<void(std::vector<Invalidation>)> on_change)
    : catalog_(catalog),
      caller_(std::move(caller)),
      on_change_(std::move(on_change)),
      feed_(catalog.changes()) {
  // The feed was opened first: what is committed in between is seen twice, never missed.
  std::vector<Invalidation> nobody_has_cached_anything;
  apply({}, catalog_.entries(caller_), nobody_has_cached_anything);
}

void Directory::refresh() {
  std::vector<Invalidation> invalidations;
  {
    MutexLock lock(refresh_mutex_);
    const Changes changes = feed_->poll();
    if (changes.everything) behind_ = true;
    if (changes.images.empty() && !behind_) return;
    const bool everything = std::exchange(behind_, true);
    if (everything) {
      std::vector<ImageId> known;
      for (const auto& node : *listing()) known.push_back(node->image.id);
      apply(known, catalog_.entries(caller_), invalidations);
    } else {
      apply(changes.images, catalog_.entries(caller_, changes.images), invalidations);
    }
    behind_ = false;
  }
  if (!invalidations.empty()) on_change_(std::move(invalidations));
}

NodePtr Directory::find(Inode inode) const {
  MutexLock lock(mutex_);
  const auto found = by_inode_.find(inode);
  return found == by_inode_.end() ? nullptr : found->second;
}

NodePtr Directory::find_id(const ImageId& id) const {
  MutexLock lock(mutex_);
  const auto found = by_id_.find(id.text());
  return found == by_id_.end() ? nullptr : found->second;
}

NodePtr Directory::find_name(std::string_view file_name) const {
  MutexLock lock(mutex_);
  if (const auto shown = shown_.find(std::string(file_name)); shown != shown_.end()) {
    return shown->second;
  }
  const auto qualified = split_qualified(file_name);
  if (!qualified) return nullptr;
  const auto group = groups_.find(std::string(qualified->base));
  if (group == groups_.end()) return nullptr;
  for (const auto& node : group->second) {
    if (id_digits(node->image.id.text()).starts_with(qualified->digits)) return node;
  }
  return nullptr;
}

std::shared_ptr<const Directory::Listing> Directory::listing() const {
  MutexLock lock(mutex_);
  if (!listing_) {
    auto all = std::make_shared<Listing>();
    all->reserve(by_inode_.size());
    for (const auto& [inode, node] : by_inode_) all->push_back(node);
    std::ranges::sort(*all, carried_longer);
    listing_ = std::move(all);
  }
  return listing_;
}

/// The new state of the images in `asked` is `entries`; who is not in it is gone.
void Directory::apply(const std::vector<ImageId>& asked, std::vector<ImageEntry> entries,
                      std::vector<Invalidation>& invalidations) {
  MutexLock lock(mutex_);
  std::set<std::string> touched;
  for (const auto& id : asked) {
    const auto old_node = by_id_.find(id.text());
    if (old_node == by_id_.end()) continue;
    touched.insert(base_name(old_node->second->image));
    erase(id, invalidations);
  }
  for (auto& entry : entries) {
    touched.insert(base_name(entry));
    insert(std::move(entry));
  }
  for (const auto& base : touched) {
    name_group(base, invalidations);
    // A bare name wins over an equal `name~digits` of another group, which then needs more
    // digits.
    const auto qualified = split_qualified(base);
    if (qualified) name_group(std::string(qualified->base), invalidations);
  }
  listing_.reset();
}

Inode Directory::free_inode(const ImageId& id) const {
  Inode inode = hash_inode(id);
  while (by_inode_.contains(inode)) ++inode;
  return inode;
}

void Directory::insert(ImageEntry entry) {
  const std::string base = base_name(entry);
  const std::string id = entry.id.text();
  const Inode inode = free_inode(entry.id);
  auto node = std::make_shared<const Node>(Node{.image = std::move(entry), .inode = inode});
  by_inode_[inode] = node;
  by_id_[id] = node;
  auto& group = groups_[base];
  group.insert(std::ranges::upper_bound(group, node, carried_longer), node);
}

void Directory::erase(const ImageId& id, std::vector<Invalidation>& invalidations) {
  const NodePtr node = by_id_.at(id.text());
  invalidations.push_back({.inode = node->inode});
  by_id_.erase(id.text());
  by_inode_.erase(node->inode);
  const auto group = groups_.find(base_name(node->image));
  std::erase(group->second, node);
  if (group->second.empty()) groups_.erase(group);
  // The names stay in shown_ until name_group() has seen whether somebody else takes them.
}

std::string Directory::shown_name(const std::string& base, const Group& group,
                                  std::size_t position) const {
  const NodePtr& node = group[position];
  if (node->image.os_hidden) return {};
  const bool first =
      std::none_of(group.begin(), group.begin() + static_cast<std::ptrdiff_t>(position),
                   [](const NodePtr& other) { return !other->image.os_hidden; });
  if (first && base.size() <= kMaxFileName) return base;
  const std::string digits = id_digits(node->image.id.text());
  for (std::size_t count = kMinIdDigits; count < digits.size(); ++count) {
    const auto same = std::count_if(group.begin(), group.end(), [&](const NodePtr& other) {
      return id_digits(other->image.id.text()).starts_with(digits.substr(0, count));
    });
    std::string name = qualify(base, node->image.id.text(), count);
    if (same == 1 && !groups_.contains(name)) return name;
  }
  return qualify(base, node->image.id.text(), digits.size());
}

/// Gives every image of one name the file name that it shows, and notes which entries of the
/// root changed their meaning.
void Directory::name_group(const std::string& base, std::vector<Invalidation>& invalidations) {
  std::unordered_map<std::string, NodePtr> names;
  const auto group = groups_.find(base);
  const std::size_t count = group == groups_.end() ? 0 : group->second.size();
  for (std::size_t i = 0; i < count; ++i) {
    const NodePtr old_node = group->second[i];
    std::string name = shown_name(base, group->second, i);
    if (name != old_node->file_name) {
      Node renamed = *old_node;
      renamed.file_name = name;
      replace(old_node, std::make_shared<const Node>(std::move(renamed)));
    }
    if (!name.empty()) names[name] = group->second[i];
  }
  auto& before = shown_by_base_[base];
  for (const auto& name : before) {
    const auto shown = shown_.find(name);
    // By now it may be another group's bare name.
    const bool ours = shown != shown_.end() && base_name(shown->second->image) == base;
    if (names.contains(name) || !ours) continue;
    shown_.erase(shown);
    invalidations.push_back({.parent = kRootInode, .name = name});
  }
  for (auto& [name, node] : names) {
    const auto shown = shown_.find(name);
    if (shown != shown_.end() && shown->second->inode != node->inode) {
      invalidations.push_back({.parent = kRootInode, .name = name});
    }
    shown_[name] = node;
  }
  before.clear();
  for (const auto& [name, node] : names) before.push_back(name);
  if (before.empty()) shown_by_base_.erase(base);
}

void Directory::replace(const NodePtr& old_node, NodePtr new_node) {
  by_inode_[new_node->inode] = new_node;
  by_id_[new_node->image.id.text()] = new_node;
  auto& group = groups_.at(base_name(new_node->image));
  *std::ranges::find(group, old_node) = std::move(new_node);
}

}  // namespace glance::fs
