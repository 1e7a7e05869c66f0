// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <sys/types.h>

#include "catalog/catalog.h"
#include "catalog/sync.h"

namespace glance::fs {

using Inode = std::uint64_t;

inline constexpr Inode kRootInode = 1;
inline constexpr Inode kByIdInode = 2;

/// One image as the mount shows it. Immutable: a change of the image makes a new node.
struct Node {
  ImageEntry image;
  Inode inode = 0;
  std::string file_name;  ///< in the root; empty if it is not shown there (hidden)

  /// How many paths lead here.
  [[nodiscard]] unsigned links() const noexcept { return file_name.empty() ? 1 : 2; }
};
using NodePtr = std::shared_ptr<const Node>;

/// What the kernel may have cached and must forget.
struct Invalidation {
  Inode inode = 0;   ///< attributes of this inode; 0 for none
  Inode parent = 0;  ///< the entry `name` in this directory; 0 for none
  std::string name;
};

/// The images as directory entries, all in memory, kept in step with the catalog by its change
/// feed: names, inodes, attributes.
///
/// Of several images of one name the one that has carried it longest has the bare name; the
/// others, and on request that one too, are `name~` plus digits of their id. Inode numbers are
/// derived from the ids, so they are the same on every mount.
///
/// Safe for concurrent use. refresh() may block on the database; all else is memory.
class Directory {
 public:
  /// Reads all images. `on_change` is told what kernel caches must forget; it is called with
  /// no lock held and must not call back.
  Directory(Catalog& catalog, Caller caller,
            std::function<void(std::vector<Invalidation>)> on_change);

  /// Takes in what was committed to the catalog since the last call, by whomever. Costs
  /// microseconds when nothing was. Errors: busy, io.
  void refresh() EXCLUDES(refresh_mutex_, mutex_);

  [[nodiscard]] NodePtr find(Inode inode) const EXCLUDES(mutex_);
  [[nodiscard]] NodePtr find_id(const ImageId& id) const EXCLUDES(mutex_);

  /// The image that a file name in the root means, if any: as shown, or `name~digits`.
  [[nodiscard]] NodePtr find_name(std::string_view file_name) const EXCLUDES(mutex_);

  /// All images, longest-named first. A snapshot: it does not change.
  using Listing = std::vector<NodePtr>;
  [[nodiscard]] std::shared_ptr<const Listing> listing() const EXCLUDES(mutex_);

 private:
  using Group = std::vector<NodePtr>;

  void apply(const std::vector<ImageId>& asked, std::vector<ImageEntry> entries,
             std::vector<Invalidation>& invalidations) EXCLUDES(mutex_);
  void insert(ImageEntry entry) REQUIRES(mutex_);
  void erase(const ImageId& id, std::vector<Invalidation>& invalidations) REQUIRES(mutex_);
  void name_group(const std::string& base, std::vector<Invalidation>& invalidations)
      REQUIRES(mutex_);
  [[nodiscard]] std::string shown_name(const std::string& base, const Group& group,
                                       std::size_t position) const REQUIRES(mutex_);
  void replace(const NodePtr& old_node, NodePtr new_node) REQUIRES(mutex_);
  [[nodiscard]] Inode free_inode(const ImageId& id) const REQUIRES(mutex_);

  Catalog& catalog_;
  const Caller caller_;
  const std::function<void(std::vector<Invalidation>)> on_change_;

  Mutex refresh_mutex_;  // third in the lock order; held while the feed is read
  std::unique_ptr<ChangeFeed> feed_ GUARDED_BY(refresh_mutex_);
  // The feed told of changes that could not be read: look at everything next time.
  bool behind_ GUARDED_BY(refresh_mutex_) = false;

  mutable Mutex mutex_;  // a leaf, see sync.h
  std::unordered_map<Inode, NodePtr> by_inode_ GUARDED_BY(mutex_);
  std::unordered_map<std::string, NodePtr> by_id_ GUARDED_BY(mutex_);
  std::unordered_map<std::string, NodePtr> shown_ GUARDED_BY(mutex_);
  // By the encoded name: the file names that its carriers show.
  std::unordered_map<std::string, std::vector<std::string>> shown_by_base_ GUARDED_BY(mutex_);
  // By the encoded name: its carriers, hidden ones included, longest first.
  std::unordered_map<std::string, Group> groups_ GUARDED_BY(mutex_);
  mutable std::shared_ptr<const Listing> listing_ GUARDED_BY(mutex_);
};

}  // namespace glance::fs
