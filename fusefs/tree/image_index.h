// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "catalog/base/sync.h"
#include "catalog/catalog.h"
#include "fusefs/tree/node.h"
#include "fusefs/tree/tag_index.h"

namespace glance::fs {

/// What the kernel may have cached and must forget.
struct Invalidation {
  Inode inode = 0;   ///< attributes of this inode; 0 for none
  Inode parent = 0;  ///< the entry `name` in this directory; 0 for none
  std::string name;
};

/// The images as directory entries, all in memory, kept in step with the catalog by its change
/// feed: names, inodes, attributes, tags.
///
/// Of several images of one name the one that has carried it longest has the bare name; the
/// others, and on request that one too, are `name~` plus digits of their id.
///
/// Safe for concurrent use. refresh() may block on the database; all else is memory.
class ImageIndex {
 public:
  /// Reads all images. `on_change` is told what kernel caches must forget; it is called with
  /// no lock held and must not call back.
  ImageIndex(Catalog& catalog, Caller caller,
             std::function<void(std::vector<Invalidation>)> on_change);

  /// Takes in what was committed to the catalog since the last call, by whomever. Costs
  /// microseconds when nothing was. Errors: busy, io.
  void refresh() EXCLUDES(refresh_mutex_, mutex_);

  // ── images ────────────────────────────────────────────────────────────────────────────────

  [[nodiscard]] NodePtr find(Inode inode) const EXCLUDES(mutex_);
  [[nodiscard]] NodePtr find_id(const ImageId& id) const EXCLUDES(mutex_);

  /// The image that a file name means, if any: as listed, or `name~digits`.
  [[nodiscard]] NodePtr find_name(std::string_view file_name) const EXCLUDES(mutex_);

  /// All images, longest-named first. A snapshot: it does not change. Keep the pointer in a
  /// variable while you go through it: a loop over `*listing()` would not.
  using Listing = std::vector<NodePtr>;
  [[nodiscard]] std::shared_ptr<const Listing> listing() const EXCLUDES(mutex_);
  [[nodiscard]] std::size_t size() const EXCLUDES(mutex_);

  // ── tags ──────────────────────────────────────────────────────────────────────────────────

  /// A tag as a directory, as it was when asked.
  struct TagInfo {
    std::string tag;
    std::string file_name;
    Inode inode = 0;
    bool empty = true;
  };
  [[nodiscard]] std::optional<TagInfo> find_tag(Inode inode) const EXCLUDES(mutex_);
  [[nodiscard]] std::optional<TagInfo> find_tag(std::string_view file_name) const EXCLUDES(mutex_);

  /// By file name.
  [[nodiscard]] std::vector<TagInfo> tags() const EXCLUDES(mutex_);
  [[nodiscard]] std::size_t tag_count() const EXCLUDES(mutex_);

  /// The images that have the tag, longest-named first; none if there is no such directory.
  [[nodiscard]] Listing tagged(Inode tag) const EXCLUDES(mutex_);

  /// The tag stays a directory, also while no image has it, until drop_tag() or the unmounting.
  void keep_tag(const std::string& tag) EXCLUDES(mutex_);

  /// False if images have the tag.
  bool drop_tag(Inode tag) EXCLUDES(mutex_);

  // ── what changed ──────────────────────────────────────────────────────────────────────────

  /// When the names in one of the mount's directories, or the lines of one of its files, changed
  /// last. Never twice the same. Nothing if there is no such place.
  [[nodiscard]] std::optional<Timestamp> changed(Inode place) const EXCLUDES(mutex_);

  /// Somebody opens a directory, and the kernel may cache the names that it is going to read.
  /// Whether those that it has are still true.
  bool open(Inode place) EXCLUDES(mutex_);

  /// The bytes of a digest file.
  [[nodiscard]] std::uint64_t sums_size(SumFile file) const EXCLUDES(mutex_);

 private:
  /// Nodes as they were, of all that changed or came; null for those that came.
  using Before = std::unordered_map<Inode, NodePtr>;
  using Groups = std::set<std::string>;

  void load(std::vector<ImageEntry> entries) EXCLUDES(mutex_);
  void apply(const std::vector<ImageId>& asked, std::vector<ImageEntry> entries,
             std::vector<Invalidation>& invalidations) EXCLUDES(mutex_);
  void take(ImageEntry entry, Before& before, Groups& groups) REQUIRES(mutex_);
  void name_groups(Groups groups, Before& before) REQUIRES(mutex_);
  void compare(const NodePtr& before, const NodePtr& after,
               std::vector<Invalidation>& invalidations) REQUIRES(mutex_);
  void compare_tags(const Node* before, const Node* after, bool renamed,
                    std::vector<Invalidation>& invalidations) REQUIRES(mutex_);
  void erase_if_unused(const std::string& tag, std::vector<Invalidation>& invalidations)
      REQUIRES(mutex_);

  void link(const NodePtr& node) REQUIRES(mutex_);
  void unlink(const NodePtr& node) REQUIRES(mutex_);
  /// The same but for by_group_.
  void index(const NodePtr& node) REQUIRES(mutex_);
  void unindex(const NodePtr& node) REQUIRES(mutex_);
  void touch(ListingTimes& times) REQUIRES(mutex_);
  Tag& tag(const std::string& text) REQUIRES(mutex_);
  [[nodiscard]] ListingTimes* times(Inode place) REQUIRES(mutex_);
  [[nodiscard]] NodePtr locate(const ImageId& id) const REQUIRES(mutex_);
  [[nodiscard]] NodePtr locate_qualified(std::string_view file_name) const REQUIRES(mutex_);
  [[nodiscard]] Inode free_inode(const ImageId& id) const REQUIRES(mutex_);
  [[nodiscard]] Listing group(std::string_view name) const REQUIRES(mutex_);
  [[nodiscard]] bool is_taken(const std::string& file_name, std::string_view by_others_than) const
      REQUIRES(mutex_);

  Catalog& catalog_;
  const Caller caller_;
  const std::function<void(std::vector<Invalidation>)> on_change_;

  Mutex refresh_mutex_;  // third in the lock order; held while the feed is read
  std::unique_ptr<ChangeFeed> feed_ GUARDED_BY(refresh_mutex_);
  // The feed told of changes that could not be read: look at everything next time.
  bool behind_ GUARDED_BY(refresh_mutex_) = false;

  mutable Mutex mutex_;  // a leaf, see sync.h
  std::unordered_map<Inode, NodePtr> by_inode_ GUARDED_BY(mutex_);
  // Images whose own number was taken, see inodes.h.
  std::map<ImageId, Inode> displaced_ GUARDED_BY(mutex_);
  // Indexes that find a node by a text of its own, of which they need no copy: by the file name,
  // and by the name that makes images a group.
  std::unordered_set<NodePtr, HashBy<file_name_of>, EqualBy<file_name_of>> by_file_name_
      GUARDED_BY(mutex_);
  std::unordered_multiset<NodePtr, HashBy<group_of>, EqualBy<group_of>> by_group_
      GUARDED_BY(mutex_);
  TagIndex tags_ GUARDED_BY(mutex_);
  std::map<Inode, ListingTimes> listing_times_ GUARDED_BY(mutex_);  // all but the tags'
  std::map<SumFile, std::uint64_t> sums_sizes_ GUARDED_BY(mutex_);
  mutable std::shared_ptr<const Listing> listing_ GUARDED_BY(mutex_);
};

}  // namespace glance::fs
