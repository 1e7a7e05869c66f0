// SPDX-License-Identifier: Apache-2.0
#include "fusefs/tree/image_index.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include "fusefs/tree/names.h"
#include "fusefs/tree/sums.h"

namespace glance::fs {

namespace {

constexpr std::array kSumFiles = {SumFile::md5, SumFile::sha512};

Inode inode_of(SumFile file) noexcept {
  return file == SumFile::md5 ? kMd5Inode : kSha512Inode;
}

/// Whether a change from one to the other can leave all names as they are.
bool same_naming(const ImageEntry& a, const ImageEntry& b) {
  return group_of(a) == group_of(b) && a.unlisted == b.unlisted && a.name_order == b.name_order;
}

NodePtr make_node(ImageEntry image, Inode inode, std::string file_name) {
  return std::make_shared<const Node>(
      Node{.image = std::move(image), .inode = inode, .file_name = std::move(file_name)});
}

}  // namespace

ImageIndex::ImageIndex(Catalog& catalog, Caller caller,
                       std::function<void(std::vector<Invalidation>)> on_change)
    : catalog_(catalog),
      caller_(std::move(caller)),
      on_change_(std::move(on_change)),
      feed_(catalog.changes()) {
  // The feed was opened first: what is committed in between is seen twice, never missed.
  load(catalog_.entries(caller_));
}

void ImageIndex::refresh() {
  std::vector<Invalidation> invalidations;
  {
    MutexLock lock(refresh_mutex_);
    const Changes changes = feed_->poll();
    if (changes.everything) behind_ = true;
    if (changes.images.empty() && !behind_) return;
    const bool everything = std::exchange(behind_, true);
    if (everything) {
      std::vector<ImageId> known;
      const auto images = listing();
      for (const auto& node : *images) known.push_back(node->image.id);
      apply(known, catalog_.entries(caller_), invalidations);
    } else {
      apply(changes.images, catalog_.entries(caller_, changes.images), invalidations);
    }
    behind_ = false;
  }
  if (!invalidations.empty()) on_change_(std::move(invalidations));
}

// ── what is where ─────────────────────────────────────────────────────────────────────────────

NodePtr ImageIndex::find(Inode inode) const {
  MutexLock lock(mutex_);
  const auto found = by_inode_.find(inode);
  return found == by_inode_.end() ? nullptr : found->second;
}

NodePtr ImageIndex::find_id(const ImageId& id) const {
  MutexLock lock(mutex_);
  return locate(id);
}

NodePtr ImageIndex::locate(const ImageId& id) const {
  const auto displaced = displaced_.find(id);
  const Inode inode = displaced == displaced_.end() ? image_inode(id) : displaced->second;
  const auto found = by_inode_.find(inode);
  return found == by_inode_.end() || found->second->image.id != id ? nullptr : found->second;
}

NodePtr ImageIndex::find_name(std::string_view file_name) const {
  MutexLock lock(mutex_);
  const auto listed = by_file_name_.find(file_name);
  return listed != by_file_name_.end() ? *listed : locate_qualified(file_name);
}

NodePtr ImageIndex::locate_qualified(std::string_view file_name) const {
  const auto qualified = split_qualified(file_name);
  if (!qualified) return nullptr;
  NodePtr longest;
  const auto consider = [&](const NodePtr& node) {
    if (!has_digits(node->image.id.text(), qualified->digits)) return;
    if (!longest || carried_longer(node, longest)) longest = node;
  };
  if (const auto name = decode_name(qualified->base)) {
    const auto [begin, end] = by_group_.equal_range(std::string_view(*name));
    std::for_each(begin, end, consider);
  }
  constexpr std::size_t kLongestCharacter = 4;
  if (longest || file_name.size() + kLongestCharacter <= kMaxFileName) return longest;
  // Cut, perhaps: no index knows what it was cut from.
  for (const auto& [inode, node] : by_inode_) {
    if (!has_digits(node->image.id.text(), qualified->digits)) continue;
    const std::string base = encode_name(group_of(*node));
    if (qualify(base, node->image.id.text(), qualified->digits.size()) == file_name) consider(node);
  }
  return longest;
}

std::shared_ptr<const ImageIndex::Listing> ImageIndex::listing() const {
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

std::size_t ImageIndex::size() const {
  MutexLock lock(mutex_);
  return by_inode_.size();
}

// ── tags ──────────────────────────────────────────────────────────────────────────────────────

namespace {

std::optional<ImageIndex::TagInfo> info_of(const Tag* tag) {
  if (tag == nullptr) return std::nullopt;
  return ImageIndex::TagInfo{.tag = tag->tag,
                             .file_name = tag->file_name,
                             .inode = tag->inode,
                             .empty = tag->images.empty()};
}

}  // namespace

std::optional<ImageIndex::TagInfo> ImageIndex::find_tag(Inode inode) const {
  MutexLock lock(mutex_);
  return info_of(tags_.find(inode));
}

std::optional<ImageIndex::TagInfo> ImageIndex::find_tag(std::string_view file_name) const {
  MutexLock lock(mutex_);
  return info_of(tags_.find_name(std::string(file_name)));
}

std::vector<ImageIndex::TagInfo> ImageIndex::tags() const {
  MutexLock lock(mutex_);
  std::vector<TagInfo> infos;
  infos.reserve(tags_.size());
  for (const Tag* tag : tags_.all()) infos.push_back(*info_of(tag));
  return infos;
}

std::size_t ImageIndex::tag_count() const {
  MutexLock lock(mutex_);
  return tags_.size();
}

ImageIndex::Listing ImageIndex::tagged(Inode tag) const {
  Listing images;
  {
    MutexLock lock(mutex_);
    const Tag* known = tags_.find(tag);
    if (known == nullptr) return images;
    images.reserve(known->images.size());
    for (const Inode inode : known->images) images.push_back(by_inode_.at(inode));
  }
  std::ranges::sort(images, carried_longer);
  return images;
}

void ImageIndex::keep_tag(const std::string& text) {
  MutexLock lock(mutex_);
  tag(text).kept = true;
}

bool ImageIndex::drop_tag(Inode inode) {
  MutexLock lock(mutex_);
  Tag* const known = tags_.find(inode);
  if (known == nullptr) return true;
  if (!known->images.empty()) return false;
  tags_.erase(*known);
  touch(listing_times_[kByTagInode]);
  return true;
}

/// The tag, known from now on.
Tag& ImageIndex::tag(const std::string& text) {
  const std::size_t before = tags_.size();
  Tag& found = tags_.at(text);
  if (tags_.size() != before) {
    touch(found.times);
    touch(listing_times_[kByTagInode]);
  }
  return found;
}

void ImageIndex::erase_if_unused(const std::string& text,
                                 std::vector<Invalidation>& invalidations) {
  const Tag* const known = tags_.find_tag(text);
  if (known == nullptr || known->kept || !known->images.empty()) return;
  invalidations.push_back({.parent = kByTagInode, .name = known->file_name});
  tags_.erase(*known);
  touch(listing_times_[kByTagInode]);
}

// ── what changed ──────────────────────────────────────────────────────────────────────────────

ListingTimes* ImageIndex::times(Inode place) {
  if (Tag* const tag = tags_.find(place)) return &tag->times;
  const auto found = listing_times_.find(place);
  return found == listing_times_.end() ? nullptr : &found->second;
}

std::optional<Timestamp> ImageIndex::changed(Inode place) const {
  MutexLock lock(mutex_);
  if (const Tag* const tag = tags_.find(place)) return tag->times.changed;
  const auto found = listing_times_.find(place);
  if (found == listing_times_.end()) return std::nullopt;
  return found->second.changed;
}

bool ImageIndex::open(Inode place) {
  MutexLock lock(mutex_);
  ListingTimes* const opened = times(place);
  return opened != nullptr && std::exchange(opened->cached, opened->changed) == opened->changed;
}

std::uint64_t ImageIndex::sums_size(SumFile file) const {
  MutexLock lock(mutex_);
  const auto found = sums_sizes_.find(file);
  return found == sums_sizes_.end() ? 0 : found->second;
}

void ImageIndex::touch(ListingTimes& times) {
  times.changed = std::max(times.changed + std::chrono::microseconds(1), now());
}

// ── keeping step ──────────────────────────────────────────────────────────────────────────────

void ImageIndex::link(const NodePtr& node) {
  by_group_.insert(node);
  index(node);
}

void ImageIndex::unlink(const NodePtr& node) {
  const auto [begin, end] = by_group_.equal_range(group_of(*node));
  by_group_.erase(std::find(begin, end, node));
  unindex(node);
}

void ImageIndex::index(const NodePtr& node) {
  by_inode_[node->inode] = node;
  if (node->inode != image_inode(node->image.id)) displaced_[node->image.id] = node->inode;
  for (const auto& text : node->image.tags) tag(text).images.insert(node->inode);
  if (node->file_name.empty()) return;
  if (const auto other = by_file_name_.find(std::string_view(node->file_name));
      other != by_file_name_.end()) {
    by_file_name_.erase(other);
  }
  by_file_name_.insert(node);
  for (const SumFile file : kSumFiles) {
    if (is_in(file, *node)) sums_sizes_[file] += sum_line_size(file, node->file_name);
  }
}

/// Its tags stay, even without images, until erase_if_unused().
void ImageIndex::unindex(const NodePtr& node) {
  by_inode_.erase(node->inode);
  displaced_.erase(node->image.id);
  for (const auto& text : node->image.tags) tag(text).images.erase(node->inode);
  if (node->file_name.empty()) return;
  // Unless another group's bare name has taken its place by now.
  const auto listed = by_file_name_.find(std::string_view(node->file_name));
  if (listed != by_file_name_.end() && *listed == node) by_file_name_.erase(listed);
  for (const SumFile file : kSumFiles) {
    if (is_in(file, *node)) sums_sizes_[file] -= sum_line_size(file, node->file_name);
  }
}

Inode ImageIndex::free_inode(const ImageId& id) const {
  Inode inode = image_inode(id);
  while (by_inode_.contains(inode)) ++inode;
  return inode;
}

ImageIndex::Listing ImageIndex::group(std::string_view name) const {
  const auto [begin, end] = by_group_.equal_range(name);
  Listing images(begin, end);
  std::ranges::sort(images, carried_longer);
  return images;
}

bool ImageIndex::is_taken(const std::string& file_name, std::string_view by_others_than) const {
  // Bare names win over qualified ones.
  const auto bare = decode_name(file_name);
  if (bare && by_group_.contains(std::string_view(*bare))) return true;
  const auto listed = by_file_name_.find(std::string_view(file_name));
  return listed != by_file_name_.end() && group_of(**listed) != by_others_than;
}

/// Gives the images of these groups the file names that they show.
void ImageIndex::name_groups(Groups groups, Before& before) {
  while (!groups.empty()) {
    const std::string name = std::move(groups.extract(groups.begin()).value());
    const Listing images = group(name);
    std::vector<Carrier> carriers;
    carriers.reserve(images.size());
    for (const auto& node : images) {
      carriers.push_back({.id = node->image.id.text(), .hidden = node->image.unlisted});
    }
    const auto names = file_names(encode_name(name), carriers,
                                  [&](const std::string& wanted)
                                      REQUIRES(mutex_) { return is_taken(wanted, name); });
    // All at once: finding one among thousands of a name takes its time.
    const auto [begin, end] = by_group_.equal_range(std::string_view(name));
    by_group_.erase(begin, end);
    for (std::size_t i = 0; i < images.size(); ++i) {
      if (images[i]->file_name == names[i]) {
        by_group_.insert(images[i]);
        continue;
      }
      const auto other = by_file_name_.find(std::string_view(names[i]));
      if (other != by_file_name_.end() && group_of(**other) != name) {
        groups.emplace(group_of(**other));
      }
      before.try_emplace(images[i]->inode, images[i]);
      unindex(images[i]);
      link(make_node(images[i]->image, images[i]->inode, names[i]));
    }
  }
}

void ImageIndex::load(std::vector<ImageEntry> entries) {
  MutexLock lock(mutex_);
  std::unordered_map<std::string_view, unsigned> carriers;
  for (const auto& entry : entries) ++carriers[group_of(entry)];
  std::vector<std::string> names(entries.size());
  Groups ambiguous;
  Timestamp newest;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const auto name = group_of(entries[i]);
    newest = std::max(newest, entries[i].updated_at);
    // Most names are of one image only: no need to look at its group.
    if (carriers.at(name) == 1 && !entries[i].unlisted) names[i] = encode_name(name);
    if (names[i].size() > kMaxFileName) names[i].clear();
    if (names[i].empty()) ambiguous.emplace(name);
  }
  by_inode_.reserve(entries.size());
  by_group_.reserve(entries.size());
  by_file_name_.reserve(entries.size());
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const Inode inode = free_inode(entries[i].id);
    link(make_node(std::move(entries[i]), inode, std::move(names[i])));
  }
  Before unused;
  name_groups(std::move(ambiguous), unused);
  // Nobody knows when the names changed last, but not after the newest change of all.
  if (newest == Timestamp{}) newest = now();
  for (const Inode place : {kRootInode, kByIdInode, kByTagInode, kMd5Inode, kSha512Inode}) {
    listing_times_[place].changed = newest;
  }
  for (const Tag* tag : tags_.all()) tags_.find(tag->inode)->times.changed = newest;
}

/// The new state of the images in `asked` is `entries`; who is not in it is gone.
void ImageIndex::apply(const std::vector<ImageId>& asked, std::vector<ImageEntry> entries,
                       std::vector<Invalidation>& invalidations) {
  MutexLock lock(mutex_);
  Before before;
  Groups groups;
  std::unordered_set<Inode> gone;
  for (const auto& id : asked) {
    if (const auto known = locate(id)) gone.insert(known->inode);
  }
  for (auto& entry : entries) {
    if (const auto known = locate(entry.id)) gone.erase(known->inode);
    take(std::move(entry), before, groups);
  }
  for (const Inode inode : gone) {
    const NodePtr node = by_inode_.at(inode);
    before.try_emplace(inode, node);
    groups.emplace(group_of(*node));
    unlink(node);
  }
  // A bare name wins over an equal `name~digits` of another group, which then needs more digits,
  // and no longer when the bare name is gone.
  Groups touched = groups;
  for (const auto& name : groups) {
    const std::string file_name = encode_name(name);
    const auto qualified = split_qualified(file_name);
    const auto other = qualified ? decode_name(qualified->base) : std::nullopt;
    if (other) touched.insert(*other);
  }
  name_groups(std::move(touched), before);
  for (const auto& [inode, node] : before) {
    const auto found = by_inode_.find(inode);
    compare(node, found == by_inode_.end() ? nullptr : found->second, invalidations);
  }
  for (const auto& [inode, node] : before) {
    if (!node) continue;
    for (const auto& text : node->image.tags) erase_if_unused(text, invalidations);
  }
  listing_.reset();
}

/// Puts the image in its old node's place, or in a new one.
void ImageIndex::take(ImageEntry entry, Before& before, Groups& groups) {
  const NodePtr old_node = locate(entry.id);
  const Inode inode = old_node ? old_node->inode : free_inode(entry.id);
  before.try_emplace(inode, old_node);
  std::string file_name;
  if (old_node && same_naming(old_node->image, entry)) {
    file_name = old_node->file_name;
  } else {
    groups.emplace(group_of(entry));
    if (old_node) groups.emplace(group_of(*old_node));
  }
  if (old_node) unlink(old_node);
  link(make_node(std::move(entry), inode, std::move(file_name)));
}

/// Notes what the kernel must forget and which places of the mount have changed.
void ImageIndex::compare(const NodePtr& before, const NodePtr& after,
                         std::vector<Invalidation>& invalidations) {
  const bool same_image = before && after && before->image.id == after->image.id;
  const bool renamed = !same_image || before->file_name != after->file_name;
  if (before) {
    invalidations.push_back({.inode = before->inode});
    if (renamed) invalidations.push_back({.parent = kRootInode, .name = before->file_name});
    if (!same_image) {
      invalidations.push_back({.parent = kByIdInode, .name = before->image.id.text()});
    }
  }
  if (!same_image) touch(listing_times_[kByIdInode]);
  const bool was_in_root = before && before->in_root();
  const bool is_in_root = after && after->in_root();
  if (was_in_root != is_in_root || (is_in_root && renamed)) touch(listing_times_[kRootInode]);
  for (const SumFile file : kSumFiles) {
    const bool was = before && is_in(file, *before);
    const bool is = after && is_in(file, *after);
    if (was != is || (is && renamed)) touch(listing_times_[inode_of(file)]);
  }
  compare_tags(before.get(), after.get(), renamed, invalidations);
}

void ImageIndex::compare_tags(const Node* before, const Node* after, bool renamed,
                              std::vector<Invalidation>& invalidations) {
  if (before != nullptr) {
    for (const auto& text : before->image.tags) {
      if (!renamed && after->has_tag(text)) continue;
      Tag& left = tag(text);
      touch(left.times);
      invalidations.push_back({.parent = left.inode, .name = before->file_name});
    }
  }
  if (after != nullptr) {
    for (const auto& text : after->image.tags) {
      if (renamed || before == nullptr || !before->has_tag(text)) touch(tag(text).times);
    }
  }
}

}  // namespace glance::fs
