// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include <sys/types.h>

#include "catalog/base/sync.h"
#include "catalog/catalog.h"
#include "fusefs/base/mount_options.h"
#include "fusefs/tree/image_index.h"
#include "fusefs/writing/linger.h"
#include "fusefs/writing/pending_file.h"

namespace glance::fs {

/// Who makes the system call.
struct Requester {
  pid_t thread = 0;
};

/// Bytes of an open file: a reader whose descriptor has them, for splice(2), or the bytes
/// themselves.
struct FileData {
  std::shared_ptr<const BlobReader> reader;
  std::vector<std::byte> bytes;
};

/// The open files of the mount, and the images that it is still writing.
///
/// Throws glance::Error, or std::system_error for errnos that have no word in the catalog. Safe
/// for concurrent use.
class OpenFiles {
 public:
  /// All must outlive it.
  OpenFiles(Catalog& catalog, Caller caller, const MountOptions& options, ImageIndex& index);

  /// Throws EROFS once the mount is about to end.
  void require_accepting() const;

  /// An image that `requester` has just made: with `open` it has a handle for writing, else its
  /// maker may come back for one. Returns the handle, or 0.
  std::uint64_t add_created(const NodePtr& node, bool open, int flags, const Requester& requester);

  struct Opened {
    std::uint64_t handle = 0;
    bool pending = false;  ///< the data may change: nothing of them may be cached
  };
  Opened open(const NodePtr& node, int flags, const Requester& requester);

  /// A file that is no image: made up as it is read.
  Opened add_generated(std::shared_ptr<const BlobReader> content);

  [[nodiscard]] FileData read(std::uint64_t handle, std::uint64_t offset, std::size_t size) const;
  /// SEEK_DATA or SEEK_HOLE of lseek(2).
  [[nodiscard]] std::uint64_t seek(std::uint64_t handle, std::uint64_t offset, bool hole) const;

  void write(std::uint64_t handle, std::uint64_t offset, std::span<const std::byte> bytes,
             const Requester& requester);
  /// fallocate(2). Error: EOPNOTSUPP for modes that nobody needs for a new file.
  void allocate(std::uint64_t handle, int mode, std::uint64_t offset, std::uint64_t size,
                const Requester& requester);
  /// copy_file_range(2); returns the bytes copied.
  std::uint64_t copy(std::uint64_t from, std::uint64_t from_offset, std::uint64_t to,
                     std::uint64_t to_offset, std::uint64_t size, const Requester& requester);
  /// ftruncate(2), or without a handle (0) truncate(2).
  void resize(const NodePtr& node, std::uint64_t size, std::uint64_t handle,
              const Requester& requester);
  void flush(std::uint64_t handle, const Requester& requester);
  void sync(std::uint64_t handle);
  void release(std::uint64_t handle);

  /// The size of a file that is being written here; nothing before its first byte.
  [[nodiscard]] std::optional<std::uint64_t> written_size(Inode inode) const EXCLUDES(mutex_);

  /// The node of an open file, as it was opened: for when the image is gone by now.
  [[nodiscard]] NodePtr opened_node(Inode inode) const EXCLUDES(mutex_);

  /// The image that attributes set on this inode are meant for: the one that replaces it if that
  /// is what `requester` is writing.
  [[nodiscard]] ImageId target_of(const NodePtr& node, const Requester& requester) const
      EXCLUDES(mutex_);
  [[nodiscard]] ImageId target_of(const NodePtr& node, std::uint64_t handle) const EXCLUDES(mutex_);

  /// Waits for the publication of what is closed for good: of this inode's own data, or of the
  /// image that replaces it. See PendingFile::wait_for_release(). False if there is no such file:
  /// then nothing has changed meanwhile.
  bool wait_for_release(Inode inode) const;  // NOLINT(modernize-use-nodiscard): for its effect

  /// Publishes a closed editor's file now: its new name is what its writer had in mind. Errors:
  /// Upload::publish()'s.
  void publish_closed(Inode inode);

  /// From now on nothing new is written: EROFS. Files that wait for their opener are published.
  void begin_drain() EXCLUDES(mutex_);

  /// Whether anything is still being written or about to be published.
  [[nodiscard]] bool has_open_writers() const EXCLUDES(mutex_);

  /// The mount's st_dev, once it is known; flush() cannot seal before.
  void set_device(dev_t device) noexcept { device_ = device; }

  /// Gives up everything at the end of the mount, see PendingFile::abandon().
  void close_all() EXCLUDES(mutex_);

 private:
  using Pending = std::shared_ptr<PendingFile>;

  /// Exactly one of the two sources is there.
  struct Handle {
    NodePtr node;  // as opened; null for what is no image
    std::shared_ptr<const BlobReader> reader;
    Pending pending;
    PendingFile::Access access = PendingFile::Access::read;
  };

  std::uint64_t add(Handle handle) EXCLUDES(mutex_);
  [[nodiscard]] Handle find(std::uint64_t handle) const EXCLUDES(mutex_);
  [[nodiscard]] Pending writer(std::uint64_t handle) const;
  [[nodiscard]] Pending pending(Inode inode) const EXCLUDES(mutex_);
  [[nodiscard]] std::vector<Pending> replacements(Inode inode) const EXCLUDES(mutex_);
  [[nodiscard]] Pending own_replacement(Inode inode, const Requester& requester) const
      EXCLUDES(mutex_);
  [[nodiscard]] Pending pending_for(const NodePtr& node, const Requester& requester);
  [[nodiscard]] bool claim(const Pending& file) EXCLUDES(mutex_);
  void forget(const Pending& file) EXCLUDES(mutex_);
  void close(std::uint64_t handle);
  void settle(const Pending& file);
  void finish(const Pending& file) noexcept;
  void linger(const Pending& file);

  [[nodiscard]] std::optional<Opened> open_pending(const Pending& file, const NodePtr& node,
                                                   PendingFile::Access access);
  [[nodiscard]] std::optional<Opened> open_new(const Pending& file, const NodePtr& node, int flags);
  void truncate_opened(const Opened& opened, PendingFile& file, int flags,
                       const Requester& requester);
  [[nodiscard]] Opened open_reader(const NodePtr& node);
  [[nodiscard]] std::optional<Opened> open_writer(const NodePtr& node, int flags,
                                                  const Requester& requester);
  [[nodiscard]] Pending start_replacement(const Image& old, Inode inode,
                                          const Requester& requester);

  Catalog& catalog_;
  const Caller caller_;
  const MountOptions& options_;
  ImageIndex& index_;
  std::atomic<dev_t> device_ = 0;
  std::atomic<bool> draining_ = false;
  mutable Mutex mutex_;  // a leaf, see sync.h
  std::unordered_map<std::uint64_t, Handle> handles_ GUARDED_BY(mutex_);
  std::unordered_map<Inode, Pending> pending_ GUARDED_BY(mutex_);
  std::uint64_t next_handle_ GUARDED_BY(mutex_) = 1;
  Linger linger_;  // last: its thread uses the rest
};

}  // namespace glance::fs
