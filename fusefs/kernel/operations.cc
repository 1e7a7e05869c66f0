// SPDX-License-Identifier: Apache-2.0
#include "fusefs/kernel/operations.h"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <sys/stat.h>

#include "fusefs/base/errno_table.h"
#include "fusefs/kernel/filesystem.h"
#include "fusefs/tree/attributes.h"

namespace glance::fs {

namespace {

Filesystem& filesystem(fuse_req_t req) {
  return *static_cast<Filesystem*>(fuse_req_userdata(req));
}

Requester requester(fuse_req_t req) {
  return {.thread = fuse_req_ctx(req)->pid};
}

/// What "there is no such image" is for operations on an inode, which a name has led to before:
/// upon ESTALE the kernel looks the path up again, where another image may be by now.
constexpr int kStale = ESTALE;

/// Runs `work`; its value goes to `reply`, an exception becomes the error reply. The reply is
/// outside of the guarded part, so that there is exactly one. `absent`: ENOENT or kStale.
template <typename Work, typename Reply>
void answer(fuse_req_t req, const char* operation, Work&& work, Reply&& reply,
            int absent = ENOENT) noexcept {
  std::optional<decltype(work())> result;
  int error = 0;
  try {
    result.emplace(work());
  } catch (...) {
    error = errno_of_current_exception(operation);
    if (error == ENOENT) error = absent;
  }
  if (result) {
    reply(*result);
  } else {
    fuse_reply_err(req, error);
  }
}

/// The same for work without a value: the reply is "0" or the error.
template <typename Work>
void answer_status(fuse_req_t req, const char* operation, Work&& work,
                   int absent = ENOENT) noexcept {
  int error = 0;
  try {
    work();
  } catch (...) {
    error = errno_of_current_exception(operation);
    if (error == ENOENT) error = absent;
  }
  fuse_reply_err(req, error);
}

fuse_entry_param to_entry_param(const Entry& entry) {
  fuse_entry_param param{};
  param.ino = entry.inode;
  param.attr = entry.attributes;
  param.attr_timeout = entry.attribute_timeout;
  param.entry_timeout = entry.entry_timeout;
  return param;
}

Timestamp to_timestamp(const timespec& time) {
  // What the database's four-digit years can hold.
  constexpr std::int64_t kFirst = -62135596800;  // 0001-01-01
  constexpr std::int64_t kLast = 253402300799;   // 9999-12-31
  const auto seconds = std::clamp<std::int64_t>(time.tv_sec, kFirst, kLast);
  return Timestamp(std::chrono::seconds(seconds) + std::chrono::microseconds(time.tv_nsec / 1000));
}

DirectoryHandle* directory_handle(const fuse_file_info* fi) {
  // NOLINTNEXTLINE(performance-no-int-to-ptr): fi->fh is libfuse's place for a pointer of ours.
  return reinterpret_cast<DirectoryHandle*>(fi->fh);
}

// ── names and attributes ──────────────────────────────────────────────────────────────────────

void op_init(void*, fuse_conn_info* conn) noexcept {
  // The data of an active image never change, so cached pages are never stale.
  conn->want &= ~static_cast<unsigned>(FUSE_CAP_AUTO_INVAL_DATA);
  // Reads go from the store's file to the kernel without a copy through us.
  conn->want |= conn->capable & FUSE_CAP_SPLICE_WRITE;
  // Who lists a directory mostly wants the attributes as well, also after the kernel has cached the
  // names: then it would have to ask for each.
  conn->want &= ~static_cast<unsigned>(FUSE_CAP_READDIRPLUS_AUTO);
  // lookup() knows `.` and `..`, which NFS servers ask for.
  conn->want |= conn->capable & FUSE_CAP_EXPORT_SUPPORT;
}

/// Answers with an entry for what `work` has found or made.
template <typename Work>
void answer_entry(fuse_req_t req, const char* operation, Work&& work) noexcept {
  answer(req, operation, std::forward<Work>(work), [&](const Entry& entry) {
    const auto param = to_entry_param(entry);
    fuse_reply_entry(req, &param);
  });
}

void op_lookup(fuse_req_t req, fuse_ino_t parent, const char* name) noexcept {
  answer_entry(req, "lookup", [&] { return filesystem(req).lookup(parent, name); });
}

void op_getattr(fuse_req_t req, fuse_ino_t ino, fuse_file_info*) noexcept {
  answer(
      req, "getattr", [&] { return filesystem(req).getattr(ino); },
      [&](const Entry& entry) { fuse_reply_attr(req, &entry.attributes, entry.attribute_timeout); },
      kStale);
}

/// Mode and owner are the mount's to say; wishes to change them are granted in silence, or
/// `cp -p`, `install` and `tar x` would fail.
AttributeChange change_of(const struct stat& attributes, int to_set) {
  AttributeChange change;
  if ((to_set & FUSE_SET_ATTR_SIZE) != 0) {
    change.size = static_cast<std::uint64_t>(attributes.st_size);
  }
  if ((to_set & FUSE_SET_ATTR_MTIME_NOW) != 0) {
    change.data_time = now();
  } else if ((to_set & FUSE_SET_ATTR_MTIME) != 0) {
    change.data_time = to_timestamp(attributes.st_mtim);
  }
  return change;
}

void op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat* attributes, int to_set,
                fuse_file_info* fi) noexcept {
  answer(
      req, "setattr",
      [&] {
        return filesystem(req).setattr(ino, change_of(*attributes, to_set),
                                       fi != nullptr ? fi->fh : 0, requester(req));
      },
      [&](const Entry& entry) { fuse_reply_attr(req, &entry.attributes, entry.attribute_timeout); },
      kStale);
}

void op_opendir(fuse_req_t req, fuse_ino_t ino, fuse_file_info* fi) noexcept {
  answer(
      req, "opendir", [&] { return filesystem(req).opendir(ino); },
      [&](std::unique_ptr<DirectoryHandle>& handle) {
        DirectoryHandle* const opened = handle.release();
        fi->fh = reinterpret_cast<std::uintptr_t>(opened);
        // The kernel may serve the names itself until they change.
        fi->cache_readdir = 1;
        fi->keep_cache = opened->cache_is_true ? 1 : 0;
        // The kernel sends no releasedir for an open that was interrupted.
        if (fuse_reply_open(req, fi) != 0) delete opened;
      });
}

void op_releasedir(fuse_req_t req, fuse_ino_t, fuse_file_info* fi) noexcept {
  delete directory_handle(fi);
  fuse_reply_err(req, 0);
}

/// Adds one entry to a readdir reply; returns the space it takes or would take.
using AddEntry = std::size_t (*)(fuse_req_t, char*, std::size_t, const std::string&, const Entry&,
                                 off_t);

std::size_t add_plain(fuse_req_t req, char* buffer, std::size_t size, const std::string& name,
                      const Entry& entry, off_t next) {
  return fuse_add_direntry(req, buffer, size, name.c_str(), &entry.attributes, next);
}

std::size_t add_plus(fuse_req_t req, char* buffer, std::size_t size, const std::string& name,
                     const Entry& entry, off_t next) {
  const auto param = to_entry_param(entry);
  return fuse_add_direntry_plus(req, buffer, size, name.c_str(), &param, next);
}

void reply_directory(fuse_req_t req, std::size_t size, off_t offset, fuse_file_info* fi,
                     AddEntry add) noexcept {
  DirectoryHandle& directory = *directory_handle(fi);
  answer(
      req, "readdir",
      [&] {
        // An NFS server opens the directory anew for every part of it.
        auto& entries = directory.entries;
        if (offset == 0 || entries.empty()) entries = filesystem(req).list(directory.inode);
        std::vector<char> buffer(size);
        std::size_t used = 0;
        auto each = std::ranges::upper_bound(entries, offset, {}, &DirectoryEntry::next);
        for (; each != entries.end(); ++each) {
          // Attributes of now, not of when the names were read: the kernel caches them.
          const Entry entry = filesystem(req).listed(directory.inode, *each);
          const std::size_t room = size - used;
          const std::size_t taken =
              add(req, buffer.data() + used, room, each->name, entry, each->next);
          if (taken > room) break;
          used += taken;
        }
        buffer.resize(used);
        return buffer;
      },
      [&](const std::vector<char>& buffer) { fuse_reply_buf(req, buffer.data(), buffer.size()); });
}

void op_readdir(fuse_req_t req, fuse_ino_t, std::size_t size, off_t offset,
                fuse_file_info* fi) noexcept {
  reply_directory(req, size, offset, fi, add_plain);
}

void op_readdirplus(fuse_req_t req, fuse_ino_t, std::size_t size, off_t offset,
                    fuse_file_info* fi) noexcept {
  reply_directory(req, size, offset, fi, add_plus);
}

void op_statfs(fuse_req_t req, fuse_ino_t) noexcept {
  answer(
      req, "statfs", [&] { return filesystem(req).statfs(); },
      [&](const struct statvfs& status) { fuse_reply_statfs(req, &status); });
}

void op_unlink(fuse_req_t req, fuse_ino_t parent, const char* name) noexcept {
  answer_status(req, "unlink", [&] { filesystem(req).unlink(parent, name); });
}

void op_rename(fuse_req_t req, fuse_ino_t parent, const char* name, fuse_ino_t new_parent,
               const char* new_name, unsigned flags) noexcept {
  answer_status(req, "rename",
                [&] { filesystem(req).rename(parent, name, new_parent, new_name, flags); });
}

void op_mkdir(fuse_req_t req, fuse_ino_t parent, const char* name, mode_t) noexcept {
  answer_entry(req, "mkdir", [&] { return filesystem(req).mkdir(parent, name); });
}

void op_rmdir(fuse_req_t req, fuse_ino_t parent, const char* name) noexcept {
  answer_status(req, "rmdir", [&] { filesystem(req).rmdir(parent, name); });
}

void op_symlink(fuse_req_t req, const char*, fuse_ino_t, const char*) noexcept {
  fuse_reply_err(req, EPERM);
}

void op_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t new_parent, const char* new_name) noexcept {
  answer_entry(req, "link", [&] { return filesystem(req).link(ino, new_parent, new_name); });
}

// ── open files ────────────────────────────────────────────────────────────────────────────────

void op_mknod(fuse_req_t req, fuse_ino_t parent, const char* name, mode_t mode, dev_t) noexcept {
  if (!S_ISREG(mode)) {
    fuse_reply_err(req, EPERM);
    return;
  }
  answer(
      req, "mknod", [&] { return filesystem(req).create(parent, name, false, 0, requester(req)); },
      [&](const Filesystem::Created& created) {
        const auto param = to_entry_param(created.entry);
        fuse_reply_entry(req, &param);
      });
}

/// How the kernel is to treat an open file. A file that is still being written bypasses the page
/// cache: cached writes would ask for security.capability before every write(2), a round
/// trip to us each. Readers of images keep what is cached: the data never change.
void set_flags(fuse_file_info* fi, std::uint64_t handle, bool pending) {
  fi->fh = handle;
  fi->direct_io = pending ? 1 : 0;
  fi->keep_cache = pending ? 0 : 1;
}

void op_create(fuse_req_t req, fuse_ino_t parent, const char* name, mode_t,
               fuse_file_info* fi) noexcept {
  Filesystem& target = filesystem(req);
  answer(
      req, "create", [&] { return target.create(parent, name, true, fi->flags, requester(req)); },
      [&](const Filesystem::Created& created) {
        const auto param = to_entry_param(created.entry);
        set_flags(fi, created.handle, true);
        if (fuse_reply_create(req, &param, fi) != 0) target.files().release(created.handle);
      });
}

void op_open(fuse_req_t req, fuse_ino_t ino, fuse_file_info* fi) noexcept {
  Filesystem& target = filesystem(req);
  answer(
      req, "open", [&] { return target.open(ino, fi->flags, requester(req)); },
      [&](const OpenFiles::Opened& opened) {
        set_flags(fi, opened.handle, opened.pending);
        if (fuse_reply_open(req, fi) != 0) target.files().release(opened.handle);
      },
      kStale);
}

void op_read(fuse_req_t req, fuse_ino_t, std::size_t size, off_t offset,
             fuse_file_info* fi) noexcept {
  const auto at = static_cast<std::uint64_t>(offset);
  answer(
      req, "read", [&] { return filesystem(req).files().read(fi->fh, at, size); },
      [&](const FileData& data) {
        if (!data.reader) {
          fuse_reply_buf(req, reinterpret_cast<const char*>(data.bytes.data()), data.bytes.size());
          return;
        }
        fuse_bufvec buffer{};  // FUSE_BUFVEC_INIT is not C++
        buffer.count = 1;
        buffer.buf[0].size = size;
        buffer.buf[0].flags = static_cast<fuse_buf_flags>(FUSE_BUF_IS_FD | FUSE_BUF_FD_SEEK);
        buffer.buf[0].fd = data.reader->fd();
        buffer.buf[0].pos = offset;
        fuse_reply_data(req, &buffer, FUSE_BUF_SPLICE_MOVE);
      });
}

void op_lseek(fuse_req_t req, fuse_ino_t, off_t offset, int whence, fuse_file_info* fi) noexcept {
  // The kernel answers all but SEEK_DATA and SEEK_HOLE itself.
  answer(
      req, "lseek",
      [&] {
        return filesystem(req).files().seek(fi->fh, static_cast<std::uint64_t>(offset),
                                            whence == SEEK_HOLE);
      },
      [&](std::uint64_t found) { fuse_reply_lseek(req, static_cast<off_t>(found)); });
}

void op_write(fuse_req_t req, fuse_ino_t, const char* data, std::size_t size, off_t offset,
              fuse_file_info* fi) noexcept {
  answer(
      req, "write",
      [&] {
        filesystem(req).files().write(fi->fh, static_cast<std::uint64_t>(offset),
                                      std::as_bytes(std::span(data, size)), requester(req));
        return size;
      },
      [&](std::size_t written) { fuse_reply_write(req, written); });
}

void op_fallocate(fuse_req_t req, fuse_ino_t, int mode, off_t offset, off_t length,
                  fuse_file_info* fi) noexcept {
  answer_status(req, "fallocate", [&] {
    filesystem(req).files().allocate(fi->fh, mode, static_cast<std::uint64_t>(offset),
                                     static_cast<std::uint64_t>(length), requester(req));
  });
}

// One copy holds its upload, and a thread of the mount, until it is through: callers ask again for
// the rest, and others get their turn.
constexpr std::size_t kMaxCopied = std::size_t{256} * 1024 * 1024;

void op_copy_file_range(fuse_req_t req, fuse_ino_t, off_t from, fuse_file_info* source, fuse_ino_t,
                        off_t to, fuse_file_info* target, std::size_t size, int) noexcept {
  answer(
      req, "copy_file_range",
      [&] {
        return filesystem(req).files().copy(source->fh, static_cast<std::uint64_t>(from),
                                            target->fh, static_cast<std::uint64_t>(to),
                                            std::min(size, kMaxCopied), requester(req));
      },
      [&](std::uint64_t copied) { fuse_reply_write(req, copied); });
}

void op_flush(fuse_req_t req, fuse_ino_t, fuse_file_info* fi) noexcept {
  answer_status(req, "flush", [&] { filesystem(req).files().flush(fi->fh, requester(req)); });
}

void op_fsync(fuse_req_t req, fuse_ino_t, int, fuse_file_info* fi) noexcept {
  answer_status(req, "fsync", [&] { filesystem(req).files().sync(fi->fh); });
}

void op_release(fuse_req_t req, fuse_ino_t, fuse_file_info* fi) noexcept {
  answer_status(req, "release", [&] { filesystem(req).files().release(fi->fh); });
}

// ── extended attributes ───────────────────────────────────────────────────────────────────────

/// The answer to getxattr and listxattr: the size when asked with size 0, else the bytes.
void reply_xattr(fuse_req_t req, const std::string& value, std::size_t size) {
  if (size == 0) {
    fuse_reply_xattr(req, value.size());
  } else if (value.size() > size) {
    fuse_reply_err(req, ERANGE);
  } else {
    fuse_reply_buf(req, value.data(), value.size());
  }
}

void op_getxattr(fuse_req_t req, fuse_ino_t ino, const char* name, std::size_t size) noexcept {
  answer(
      req, "getxattr", [&] { return filesystem(req).getxattr(ino, name, requester(req)); },
      [&](const std::string& value) { reply_xattr(req, value, size); }, kStale);
}

void op_listxattr(fuse_req_t req, fuse_ino_t ino, std::size_t size) noexcept {
  answer(
      req, "listxattr",
      [&] {
        std::string list;
        for (const auto& name : filesystem(req).listxattr(ino, requester(req))) {
          list += name;
          list += '\0';
        }
        return list;
      },
      [&](const std::string& list) { reply_xattr(req, list, size); }, kStale);
}

void op_setxattr(fuse_req_t req, fuse_ino_t ino, const char* name, const char* value,
                 std::size_t size, int flags) noexcept {
  answer_status(
      req, "setxattr",
      [&] {
        filesystem(req).setxattr(ino, name, std::string_view(value, size), flags, requester(req));
      },
      kStale);
}

void op_removexattr(fuse_req_t req, fuse_ino_t ino, const char* name) noexcept {
  answer_status(
      req, "removexattr", [&] { filesystem(req).removexattr(ino, name, requester(req)); }, kStale);
}

}  // namespace

// No getlk, setlk or flock: where they are missing the kernel keeps the locks itself, which is
// what qemu needs. No forget: inodes are derived from ids, there is nothing to count.
fuse_lowlevel_ops make_operations() {
  fuse_lowlevel_ops ops{};
  ops.init = op_init;
  ops.lookup = op_lookup;
  ops.getattr = op_getattr;
  ops.setattr = op_setattr;
  ops.opendir = op_opendir;
  ops.readdir = op_readdir;
  ops.readdirplus = op_readdirplus;
  ops.releasedir = op_releasedir;
  ops.statfs = op_statfs;
  ops.unlink = op_unlink;
  ops.rename = op_rename;
  ops.mkdir = op_mkdir;
  ops.rmdir = op_rmdir;
  ops.symlink = op_symlink;
  ops.link = op_link;
  ops.mknod = op_mknod;
  ops.create = op_create;
  ops.open = op_open;
  ops.read = op_read;
  ops.lseek = op_lseek;
  ops.write = op_write;
  ops.fallocate = op_fallocate;
  ops.copy_file_range = op_copy_file_range;
  ops.flush = op_flush;
  ops.fsync = op_fsync;
  ops.release = op_release;
  ops.getxattr = op_getxattr;
  ops.listxattr = op_listxattr;
  ops.setxattr = op_setxattr;
  ops.removexattr = op_removexattr;
  return ops;
}

}  // namespace glance::fs
