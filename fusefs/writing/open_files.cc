// SPDX-License-Identifier: Apache-2.0
#include "fusefs/writing/open_files.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <linux/falloc.h>
#include <spdlog/spdlog.h>

#include "fusefs/base/errno_table.h"
#include "fusefs/tree/names.h"

namespace glance::fs {

namespace {

PendingFile::Access access_of(int flags) noexcept {
  if ((flags & O_ACCMODE) == O_RDWR) return PendingFile::Access::read_write;
  const bool writes = (flags & O_ACCMODE) == O_WRONLY || (flags & O_TRUNC) != 0;
  return writes ? PendingFile::Access::write : PendingFile::Access::read;
}

/// The image that takes `old`'s place: like it in all that is not about its data.
ImageDraft draft_like(const Image& old) {
  return {.name = temporary_name(old.name.value_or("")),
          .visibility = old.visibility,
          .os_hidden = old.os_hidden,
          .owner = old.owner.value_or(""),
          .container_format = old.container_format,
          .min_disk = old.min_disk,
          .min_ram = old.min_ram,
          .tags = old.tags,
          .properties = old.properties,
          .temporary = true};
}

}  // namespace

OpenFiles::OpenFiles(Catalog& catalog, Caller caller, const MountOptions& options,
                     ImageIndex& index)
    : catalog_(catalog),
      caller_(std::move(caller)),
      options_(options),
      index_(index),
      linger_([this](const Pending& file) { finish(file); }) {}

// ── the tables ────────────────────────────────────────────────────────────────────────────────

std::uint64_t OpenFiles::add(Handle handle) {
  MutexLock lock(mutex_);
  const std::uint64_t number = next_handle_++;
  handles_.emplace(number, std::move(handle));
  return number;
}

OpenFiles::Handle OpenFiles::find(std::uint64_t handle) const {
  MutexLock lock(mutex_);
  const auto found = handles_.find(handle);
  if (found == handles_.end()) fail(EBADF, "not open");
  return found->second;
}

OpenFiles::Pending OpenFiles::writer(std::uint64_t handle) const {
  Handle found = find(handle);
  if (!found.pending || found.access == PendingFile::Access::read) fail(EBADF, "not for writing");
  return std::move(found.pending);
}

OpenFiles::Pending OpenFiles::pending(Inode inode) const {
  MutexLock lock(mutex_);
  const auto found = pending_.find(inode);
  return found == pending_.end() ? nullptr : found->second;
}

/// Makes the file its inode's; false if another one is.
bool OpenFiles::claim(const Pending& file) {
  MutexLock lock(mutex_);
  auto& known = pending_[file->inode()];
  if (known && !known->finished()) return false;
  known = file;
  return true;
}

void OpenFiles::forget(const Pending& file) {
  MutexLock lock(mutex_);
  const auto found = pending_.find(file->inode());
  if (found != pending_.end() && found->second == file) pending_.erase(found);
}

std::optional<std::uint64_t> OpenFiles::written_size(Inode inode) const {
  const Pending file = pending(inode);
  return file ? file->size() : std::nullopt;
}

NodePtr OpenFiles::opened_node(Inode inode) const {
  MutexLock lock(mutex_);
  for (const auto& [number, handle] : handles_) {
    if (handle.node && handle.node->inode == inode) return handle.node;
  }
  return nullptr;
}

ImageId OpenFiles::target_of(const NodePtr& node, std::uint64_t handle) const {
  MutexLock lock(mutex_);
  const auto found = handles_.find(handle);
  const bool pending = found != handles_.end() && found->second.pending;
  return pending ? found->second.pending->id() : node->image.id;
}

std::vector<OpenFiles::Pending> OpenFiles::replacements(Inode inode) const {
  std::vector<Pending> files;
  MutexLock lock(mutex_);
  for (const auto& [own, file] : pending_) {
    if (own != inode && file->descriptor_inode() == inode) files.push_back(file);
  }
  return files;
}

/// What the requester writes in this node's place, if it does.
OpenFiles::Pending OpenFiles::own_replacement(Inode inode, const Requester& requester) const {
  for (const Pending& file : replacements(inode)) {
    if (file->belongs_to(requester.thread) && !file->finished()) return file;
  }
  return nullptr;
}

ImageId OpenFiles::target_of(const NodePtr& node, const Requester& requester) const {
  const Pending own = own_replacement(node->inode, requester);
  return own ? own->id() : node->image.id;
}

// ── opening ───────────────────────────────────────────────────────────────────────────────────

void OpenFiles::require_accepting() const {
  if (draining_) fail(EROFS, "the mount is about to end");
}

std::uint64_t OpenFiles::add_created(const NodePtr& node, bool open, int flags,
                                     const Requester& requester) {
  const auto file =
      std::make_shared<PendingFile>(catalog_, caller_,
                                    PendingFile::Target{.id = node->image.id,
                                                        .inode = node->inode,
                                                        .descriptor_inode = node->inode,
                                                        .created = true},
                                    requester.thread);
  if (!open) {
    if (claim(file)) linger(file);
    return 0;
  }
  const auto opened = open_new(file, node, flags);
  if (!opened) fail(EBUSY, "another process is writing it");
  return opened->handle;
}

/// Brings a file that is as good as published to its end.
void OpenFiles::settle(const Pending& file) {
  file->wait_for_release();
  file->wait_for_last_release();
  if (!file->has_handles() && file->opener_has_exited()) finish(file);
  if (file->finished()) forget(file);
}

/// The unfinished file of this node, if the requester may join in; nothing if there is none.
OpenFiles::Pending OpenFiles::pending_for(const NodePtr& node, const Requester& requester) {
  if (Pending own = own_replacement(node->inode, requester)) return own;
  Pending file = pending(node->inode);
  if (!file) return nullptr;
  settle(file);
  if (file->finished()) return nullptr;
  if (file->belongs_to(requester.thread)) return file;
  // Its opener may be about to open it again: only one of the two can be told yes.
  if (!file->give_way()) fail(EBUSY, "another process is writing it");
  forget(file);
  return nullptr;
}

OpenFiles::Opened OpenFiles::open(const NodePtr& node, int flags, const Requester& requester) {
  const PendingFile::Access access = access_of(flags);
  const bool writes = access != PendingFile::Access::read;
  if (writes) require_accepting();
  for (;;) {
    if (const Pending file = pending_for(node, requester)) {
      if (const auto opened = open_pending(file, node, access)) {
        truncate_opened(*opened, *file, flags, requester);
        return *opened;
      }
      forget(file);
    }
    if (!writes) return open_reader(node);
    // Whoever was faster is there to be asked now.
    if (const auto opened = open_writer(node, flags, requester)) return *opened;
  }
}

void OpenFiles::truncate_opened(const Opened& opened, PendingFile& file, int flags,
                                const Requester& requester) {
  try {
    if ((flags & O_TRUNC) != 0) file.truncate(0, requester.thread);
  } catch (...) {
    // The kernel releases only what was opened.
    release(opened.handle);
    throw;
  }
}

/// One more open of the file; nothing if its data are published or lost by now.
std::optional<OpenFiles::Opened> OpenFiles::open_pending(const Pending& file, const NodePtr& node,
                                                         PendingFile::Access access) {
  if (!file->open(access)) return std::nullopt;
  return Opened{.handle = add({.node = node, .reader = nullptr, .pending = file, .access = access}),
                .pending = true};
}

/// The same of a file that nobody else knows yet; nothing if there is another one by now.
std::optional<OpenFiles::Opened> OpenFiles::open_new(const Pending& file, const NodePtr& node,
                                                     int flags) {
  // Opened before it is known: one that nobody has open is anybody's to take.
  const PendingFile::Access access = access_of(flags);
  if (!file->open(access) || !claim(file)) return std::nullopt;
  return Opened{.handle = add({.node = node, .reader = nullptr, .pending = file, .access = access}),
                .pending = true};
}

OpenFiles::Opened OpenFiles::open_reader(const NodePtr& node) {
  return {.handle = add({.node = node,
                         .reader = catalog_.open_data(caller_, node->image.id),
                         .pending = nullptr})};
}

OpenFiles::Opened OpenFiles::add_generated(std::shared_ptr<const BlobReader> content) {
  return {.handle = add({.node = nullptr, .reader = std::move(content), .pending = nullptr}),
          .pending = true};
}

/// Nothing if somebody else has begun to write it meanwhile.
std::optional<OpenFiles::Opened> OpenFiles::open_writer(const NodePtr& node, int flags,
                                                        const Requester& requester) {
  // Asked anew: a close that was answered a moment ago may have made the image active.
  const auto image = catalog_.find(caller_, node->image.id);
  if (!image) fail(ENOENT, "the image is gone");
  if (is_being_filled(image->status)) fail(EBUSY, "another writer is at work");
  Pending file;
  if (image->status == ImageStatus::queued) {
    file = std::make_shared<PendingFile>(
        catalog_, caller_,
        PendingFile::Target{.id = image->id, .inode = node->inode, .descriptor_inode = node->inode},
        requester.thread);
  } else if (options_.overwrite == Overwrite::replace && (flags & O_TRUNC) != 0) {
    file = start_replacement(*image, node->inode, requester);
  } else {
    // EACCES and not EPERM or EBUSY: losetup and qemu then fall back to reading.
    fail(EACCES, "an image's data never change");
  }
  return open_new(file, node, flags);
}

/// Opened for writing with O_TRUNC, under `overwrite=replace`: the data go to a new image, and the
/// old one stays as it is until they are published.
OpenFiles::Pending OpenFiles::start_replacement(const Image& old, Inode inode,
                                                const Requester& requester) {
  if (old.is_protected) fail(EPERM, "the image is protected");
  if (!old.name || old.name->empty()) fail(EACCES, "an image without a name is not replaced");
  const Image image = catalog_.add(caller_, draft_like(old));
  index_.refresh();
  const NodePtr node = index_.find_id(image.id);
  if (!node) fail(ENOENT, "the image was deleted at once");
  return std::make_shared<PendingFile>(
      catalog_, caller_,
      PendingFile::Target{
          .id = image.id,
          .inode = node->inode,
          .descriptor_inode = inode,
          .created = true,
          .replaces = Replacement{.image = old.id, .name = *old.name, .how = options_.replaced}},
      requester.thread);
}

// ── data ──────────────────────────────────────────────────────────────────────────────────────

FileData OpenFiles::read(std::uint64_t handle, std::uint64_t offset, std::size_t size) const {
  Handle file = find(handle);
  FileData data;
  // A short read would be the end of the file, and cp would call that a success.
  if (file.reader && !file.reader->is_whole()) {
    throw Error(Errc::corrupt, "the data of image " + file.node->image.id.text() +
                                   " were cut short while they were read");
  }
  if (file.reader && file.reader->fd() >= 0) {
    data.reader = std::move(file.reader);
    return data;
  }
  data.bytes.resize(size);
  data.bytes.resize(file.reader ? file.reader->read(offset, data.bytes)
                                : file.pending->read(offset, data.bytes));
  return data;
}

std::uint64_t OpenFiles::seek(std::uint64_t handle, std::uint64_t offset, bool hole) const {
  const Handle file = find(handle);
  const auto found =
      file.reader ? file.reader->seek(offset, hole) : file.pending->seek(offset, hole);
  if (!found) fail(ENXIO, "behind the end");
  return *found;
}

void OpenFiles::write(std::uint64_t handle, std::uint64_t offset, std::span<const std::byte> bytes,
                      const Requester& requester) {
  writer(handle)->write(offset, bytes, requester.thread);
}

void OpenFiles::allocate(std::uint64_t handle, int mode, std::uint64_t offset, std::uint64_t size,
                         const Requester& requester) {
  if ((mode & ~FALLOC_FL_KEEP_SIZE) != 0) fail(EOPNOTSUPP, "fallocate can only set room aside");
  const bool grow = (mode & FALLOC_FL_KEEP_SIZE) == 0;
  writer(handle)->allocate(offset, size, grow, requester.thread);
}

std::uint64_t OpenFiles::copy(std::uint64_t from, std::uint64_t from_offset, std::uint64_t to,
                              std::uint64_t to_offset, std::uint64_t size,
                              const Requester& requester) {
  const Handle source = find(from);
  // The kernel then copies by reading and writing.
  if (!source.reader || !source.node) fail(EOPNOTSUPP, "only images with data are copied from");
  const auto image = catalog_.find(caller_, source.node->image.id);
  if (!image) fail(EOPNOTSUPP, "the image is gone");
  return writer(to)->copy(*image, *source.reader, from_offset, to_offset, size, requester.thread);
}

void OpenFiles::resize(const NodePtr& node, std::uint64_t size, std::uint64_t handle,
                       const Requester& requester) {
  if (handle != 0) return writer(handle)->truncate(size, requester.thread);
  const Pending file = pending_for(node, requester);
  if (file && file->has_writing_handles()) return file->truncate(size, requester.thread);
  if (size == (file ? file->size().value_or(0) : node->image.size)) return;
  // truncate(2) without a writer's descriptor: an upload of its own, published at once.
  const Opened opened = open(node, O_WRONLY, requester);
  try {
    writer(opened.handle)->truncate(size, requester.thread);
    close(opened.handle);
  } catch (...) {
    release(opened.handle);
    throw;
  }
}

// ── closing ───────────────────────────────────────────────────────────────────────────────────

void OpenFiles::flush(std::uint64_t handle, const Requester& requester) {
  if (const Pending file = find(handle).pending) file->flush(requester.thread, device_);
}

void OpenFiles::sync(std::uint64_t handle) {
  // fsync of a reader is answered too: losetup asks for it.
  if (const Pending file = find(handle).pending) file->sync();
}

void OpenFiles::release(std::uint64_t handle) {
  try {
    close(handle);
  } catch (const std::exception& error) {
    // Logged where it happened; nobody waits for the answer to a release.
    spdlog::debug("release: {}", error.what());
  }
}

/// Ends one open of a file. Error: what its publication failed with, which is logged.
void OpenFiles::close(std::uint64_t handle) {
  Handle file;
  {
    MutexLock lock(mutex_);
    const auto found = handles_.find(handle);
    if (found == handles_.end()) return;
    file = std::move(found->second);
    handles_.erase(found);
  }
  if (!file.pending) return;
  try {
    // Published while the file is still known: stat(2) must not see the size vanish meanwhile.
    file.pending->release(file.access);
  } catch (const std::exception& error) {
    log_not_published(file.pending->id(), error);
    forget(file.pending);
    throw;
  }
  if (file.pending->finished()) return forget(file.pending);
  if (!file.pending->has_handles()) linger(file.pending);
}

void OpenFiles::linger(const Pending& file) {
  linger_.add(file, Linger::Clock::now() + options_.commit_linger);
}

/// Nobody comes back to this file any more.
void OpenFiles::finish(const Pending& file) noexcept {
  try {
    file->publish_closed();
  } catch (const std::exception& error) {
    log_not_published(file->id(), error);
  }
  if (file->give_way()) forget(file);
}

bool OpenFiles::wait_for_release(Inode inode) const {
  std::vector<Pending> files = replacements(inode);
  if (Pending own = pending(inode)) files.push_back(std::move(own));
  for (const Pending& file : files) file->wait_for_release();
  return !files.empty();
}

void OpenFiles::publish_closed(Inode inode) {
  const Pending file = pending(inode);
  if (!file) return;
  file->wait_for_last_release();
  file->publish_closed();
  if (file->finished()) forget(file);
}

void OpenFiles::begin_drain() {
  draining_ = true;
  linger_.hurry();
}

bool OpenFiles::has_open_writers() const {
  std::vector<Pending> files;
  {
    MutexLock lock(mutex_);
    for (const auto& [inode, file] : pending_) files.push_back(file);
  }
  return std::ranges::any_of(files, [](const Pending& file) {
    return !file->finished() && (file->has_handles() || !file->untouched());
  });
}

void OpenFiles::close_all() {
  linger_.stop();
  std::unordered_map<Inode, Pending> files;
  {
    MutexLock lock(mutex_);
    files.swap(pending_);
    handles_.clear();
  }
  for (const auto& [inode, file] : files) file->abandon();
}

}  // namespace glance::fs
