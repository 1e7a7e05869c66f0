// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/stat.h>
#include <sys/types.h>

#include "catalog/catalog.h"
#include "fusefs/base/mount_options.h"
#include "fusefs/tree/image_index.h"

namespace glance::fs {

// For how many seconds the kernel may believe what it was told without asking again. What is kept
// true by invalidation could be believed for ever; kShort is for what nobody invalidates.
inline constexpr double kTrusted = 3600;
inline constexpr double kShort = 1;

/// What lookup and its like answer: an inode, its attributes, and how long they may be believed.
struct Entry {
  Inode inode = 0;
  struct stat attributes{};
  double attribute_timeout = 0;
  double entry_timeout = 0;
};

/// One name in a directory.
struct DirectoryEntry {
  std::string name;
  Inode inode = 0;
  off_t next = 0;  ///< reading goes on behind it from here; rises in a listing
};

/// An open directory: its names as they were when reading began. One thread at a time; the kernel
/// sees to that.
struct DirectoryHandle {
  Inode inode = 0;
  bool cache_is_true = false;  ///< the names that the kernel has cached are still the names
  std::vector<DirectoryEntry> entries;
};

/// The tree that the mount shows: the root and .by-id with the images, .by-tag with a directory
/// for every tag, and the files of digests. Every image has the same inode under all of its paths.
///
/// Like Filesystem it throws Error or an errno, and acts for one caller. Safe for concurrent use.
/// Whoever asks it brings `directory` up to date first; what changes something does so itself.
class Views {
 public:
  /// `catalog` and `directory` must outlive it.
  Views(Catalog& catalog, Caller caller, ImageIndex& index, const MountOptions& options);

  // ── looking ───────────────────────────────────────────────────────────────────────────────

  /// What is not an image: the attributes of a directory or generated file. ENOENT.
  [[nodiscard]] Entry entry(Inode place) const;

  /// The same by its name; nothing if the name means no such place.
  [[nodiscard]] std::optional<Entry> find(Inode directory, std::string_view name) const;

  /// The image that a name in a directory means; null if none. By any name that would find it in
  /// the root, and where tags are also by its id. ENOTDIR.
  [[nodiscard]] NodePtr find_image(Inode directory, std::string_view name) const;

  /// Whether listing the directory shows the image under that name. Other names may find it too.
  [[nodiscard]] bool lists(Inode directory, std::string_view name, const Node& node) const;

  /// ENOTDIR, ENOENT.
  [[nodiscard]] std::unique_ptr<DirectoryHandle> open_directory(Inode directory) const;

  /// The names that the directory holds now.
  [[nodiscard]] std::vector<DirectoryEntry> list(Inode directory) const;

  /// A generated file, as it would be now, for reading. EISDIR.
  [[nodiscard]] std::unique_ptr<BlobReader> open_file(Inode place) const;

  // ── changing ──────────────────────────────────────────────────────────────────────────────

  /// Untags the image where a tag's directory holds it, else deletes it. ENOENT, EPERM.
  void unlink(Inode directory, std::string_view name);

  /// Tags the image; `name` must be one that finds it there. EPERM outside of tags' directories,
  /// EINVAL for another name, EEXIST if it has the tag.
  void link(const Node& node, Inode directory, std::string_view name);

  /// A tag that is kept in memory until it is removed or the mount goes away. EPERM outside of
  /// .by-tag, EILSEQ, EINVAL, EEXIST.
  Entry make_directory(Inode parent, std::string_view name);

  /// ENOTEMPTY for a tag that images have, EPERM for what is no tag.
  void remove_directory(Inode parent, std::string_view name);

 private:
  [[nodiscard]] nlink_t links(Inode directory) const;
  [[nodiscard]] Entry directory_entry(Inode directory) const;
  [[nodiscard]] Entry file_entry(Inode file) const;

  Catalog& catalog_;
  const Caller caller_;
  ImageIndex& index_;
  const MountOptions& options_;
};

}  // namespace glance::fs
