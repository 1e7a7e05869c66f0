// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/types.h>

#include "catalog/base/sync.h"
#include "catalog/catalog.h"
#include "fusefs/base/mount_options.h"
#include "fusefs/tree/image_index.h"
#include "fusefs/tree/views.h"
#include "fusefs/writing/open_files.h"

namespace glance::fs {

/// Attributes that setattr(2) and its kin may change; absent ones stay.
struct AttributeChange {
  std::optional<std::uint64_t> size;
  std::optional<Timestamp> data_time;
};

/// The mount's semantics, free of libfuse: plain calls, plain structs, exceptions.
///
/// Throws glance::Error, or std::system_error where the kernel wants an errno that has no word in
/// the catalog. Safe for concurrent use. Everything acts as the local administrator.
class Filesystem {
 public:
  /// `catalog` must outlive it. `on_change`: see ImageIndex.
  Filesystem(Catalog& catalog, MountOptions options,
             std::function<void(std::vector<Invalidation>)> on_change);

  [[nodiscard]] Entry lookup(Inode parent, std::string_view name);
  [[nodiscard]] Entry getattr(Inode inode);
  Entry setattr(Inode inode, const AttributeChange& change, std::uint64_t handle,
                const Requester& requester);
  [[nodiscard]] std::unique_ptr<DirectoryHandle> opendir(Inode inode);

  /// The names that the directory holds now.
  [[nodiscard]] std::vector<DirectoryEntry> list(Inode directory);

  /// What an entry of a listing means by now. If the name was taken away meanwhile there is only
  /// enough for readdir(3): no timeouts, and inode 0, which keeps the kernel from caching it.
  [[nodiscard]] Entry listed(Inode directory, const DirectoryEntry& entry);
  [[nodiscard]] struct statvfs statfs() const;

  void unlink(Inode parent, std::string_view name);
  Entry link(Inode inode, Inode parent, std::string_view name);
  Entry mkdir(Inode parent, std::string_view name);
  void rmdir(Inode parent, std::string_view name);
  void rename(Inode parent, std::string_view name, Inode new_parent, std::string_view new_name,
              unsigned flags);

  /// A new, queued image. With `open` it is opened for writing as well, see open().
  struct Created {
    Entry entry;
    std::uint64_t handle = 0;
  };
  Created create(Inode parent, std::string_view name, bool open, int flags,
                 const Requester& requester);

  /// Opens for reading or writing; from then on files() has the handle.
  OpenFiles::Opened open(Inode inode, int flags, const Requester& requester);
  [[nodiscard]] OpenFiles& files() noexcept { return files_; }

  [[nodiscard]] std::string getxattr(Inode inode, std::string_view name,
                                     const Requester& requester);
  [[nodiscard]] std::vector<std::string> listxattr(Inode inode, const Requester& requester);
  void setxattr(Inode inode, std::string_view name, std::string_view value, int flags,
                const Requester& requester);
  void removexattr(Inode inode, std::string_view name, const Requester& requester);

  /// Takes in what other processes changed, and tries again what a release could not publish;
  /// to be called several times a second.
  void refresh();

 private:
  [[nodiscard]] NodePtr node_of(Inode inode);
  [[nodiscard]] Entry entry_of(const NodePtr& node, bool shown);
  [[nodiscard]] std::shared_ptr<const Image> image_of(Inode inode, const Requester& requester)
      EXCLUDES(looked_at_mutex_);

  Catalog& catalog_;
  const MountOptions options_;
  const Caller caller_{.roles = {"admin"}, .is_admin = true, .sees_temporaries = true};
  ImageIndex index_;
  Views views_;
  OpenFiles files_;

  /// The image whose attributes were asked for last: tools ask for one after the other.
  struct LookedAt {
    NodePtr node;
    std::shared_ptr<const Image> image;
  };
  Mutex looked_at_mutex_;  // a leaf, see sync.h
  LookedAt looked_at_ GUARDED_BY(looked_at_mutex_);
};

}  // namespace glance::fs
