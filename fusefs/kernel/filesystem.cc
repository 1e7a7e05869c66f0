// SPDX-License-Identifier: Apache-2.0
#include "fusefs/kernel/filesystem.h"

#include <algorithm>
#include <cerrno>

#include <spdlog/spdlog.h>
#include <sys/xattr.h>

#include "catalog/model/attribute_text.h"
#include "catalog/model/stored_text.h"
#include "catalog/text/utf8.h"
#include "fusefs/base/errno_table.h"
#include "fusefs/tree/attributes.h"
#include "fusefs/tree/names.h"

namespace glance::fs {

namespace {

/// The image name for a new file; EILSEQ, EINVAL or ENAMETOOLONG where there is none.
std::string new_image_name(std::string_view file_name) {
  if (!is_valid_utf8(file_name)) fail(EILSEQ, "file name is not UTF-8");
  if (file_name.size() > kMaxFileName) fail(ENAMETOOLONG, "file name over 255 bytes");
  if (is_view_name(file_name)) fail(EEXIST, "reserved name");
  const auto name = decode_name(file_name);
  if (!name) fail(EINVAL, "no image name maps to this file name");
  return *name;
}

bool lacks_data(ImageStatus status) noexcept {
  return status == ImageStatus::queued || is_being_filled(status);
}

}  // namespace

Filesystem::Filesystem(Catalog& catalog, MountOptions options,
                       std::function<void(std::vector<Invalidation>)> on_change)
    : catalog_(catalog),
      options_(std::move(options)),
      index_(catalog, caller_, std::move(on_change)),
      views_(catalog, caller_, index_, options_),
      files_(catalog, caller_, options_, index_) {}

// ── names and attributes ──────────────────────────────────────────────────────────────────────

NodePtr Filesystem::node_of(Inode inode) {
  auto node = index_.find(inode);
  if (!node) node = files_.opened_node(inode);
  if (!node) fail(ENOENT, "the image is gone");
  return node;
}

Entry Filesystem::entry_of(const NodePtr& node, bool shown) {
  // What close(2) promised is to be seen, and not the moment before.
  if (is_being_filled(node->image.status)) files_.wait_for_release(node->inode);
  const auto written = files_.written_size(node->inode);
  NodePtr newest = node;
  if (!written && is_being_filled(node->image.status)) {
    // Published since the node was looked up, perhaps: then its size is elsewhere by now.
    index_.refresh();
    if (auto again = index_.find(node->inode)) newest = std::move(again);
  }
  const bool settled = newest->image.status == ImageStatus::active;
  // Where a close() may give the name to another image, who uses the name next must ask.
  const double named = options_.overwrite == Overwrite::replace ? 0 : kTrusted;
  return {.inode = newest->inode,
          .attributes = file_stat(*newest, written, options_),
          .attribute_timeout = settled ? kTrusted : 0,
          .entry_timeout = shown ? named : kShort};
}

Entry Filesystem::lookup(Inode parent, std::string_view name) {
  if (name.size() > kMaxFileName) fail(ENAMETOOLONG, "file name over 255 bytes");
  index_.refresh();
  // Who exports the mount over NFS asks for an inode by its number alone.
  if (is_image(parent) && name == ".") return entry_of(node_of(parent), false);
  if (const auto place = views_.find(parent, name)) return *place;
  NodePtr node = views_.find_image(parent, name);
  if (node && files_.wait_for_release(node->inode)) {
    index_.refresh();
    node = views_.find_image(parent, name);
  }
  if (!node) fail(ENOENT, "no such image");
  return entry_of(node, views_.lists(parent, name, *node));
}

Entry Filesystem::getattr(Inode inode) {
  index_.refresh();
  return is_image(inode) ? entry_of(node_of(inode), false) : views_.entry(inode);
}

Entry Filesystem::setattr(Inode inode, const AttributeChange& change, std::uint64_t handle,
                          const Requester& requester) {
  index_.refresh();
  if (!is_image(inode)) {
    if (change.size) fail(EACCES, "a generated file");
    return views_.entry(inode);
  }
  const NodePtr node = node_of(inode);
  if (change.size) files_.resize(node, *change.size, handle, requester);
  if (change.data_time) {
    catalog_.set_data_time(caller_, files_.target_of(node, handle), *change.data_time);
  }
  index_.refresh();
  return entry_of(node_of(inode), false);
}

std::unique_ptr<DirectoryHandle> Filesystem::opendir(Inode inode) {
  index_.refresh();
  return views_.open_directory(inode);
}

std::vector<DirectoryEntry> Filesystem::list(Inode directory) {
  index_.refresh();
  return views_.list(directory);
}

Entry Filesystem::listed(Inode directory, const DirectoryEntry& entry) {
  Entry gone;
  gone.attributes.st_ino = entry.inode;
  gone.attributes.st_mode = is_image(entry.inode) ? S_IFREG : S_IFDIR;
  if (is_image(entry.inode)) {
    const NodePtr node = index_.find(entry.inode);
    return node && views_.lists(directory, entry.name, *node) ? entry_of(node, true) : gone;
  }
  return index_.changed(entry.inode) ? views_.entry(entry.inode) : gone;
}

struct statvfs Filesystem::statfs() const {
  constexpr unsigned long kUnit = 4096;
  constexpr fsfilcnt_t kFreeFiles = 1'000'000'000;
  const Space space = catalog_.space(options_.owner);
  struct statvfs status{};
  status.f_bsize = static_cast<unsigned long>(kBlockSize);
  status.f_frsize = kUnit;
  status.f_blocks = space.total / kUnit;
  status.f_bfree = space.free / kUnit;
  status.f_bavail = space.available / kUnit;
  // There is no limit; with none free df -i would cry.
  status.f_files = index_.size() + kFreeFiles;
  status.f_ffree = kFreeFiles;
  status.f_favail = kFreeFiles;
  status.f_namemax = kMaxFileName;
  return status;
}

void Filesystem::unlink(Inode parent, std::string_view name) {
  index_.refresh();
  views_.unlink(parent, name);
}

Entry Filesystem::link(Inode inode, Inode parent, std::string_view name) {
  index_.refresh();
  if (!is_image(inode)) fail(EPERM, "only images have more than one name");
  views_.link(*node_of(inode), parent, name);
  const NodePtr node = node_of(inode);
  return entry_of(node, views_.lists(parent, name, *node));
}

Entry Filesystem::mkdir(Inode parent, std::string_view name) {
  index_.refresh();
  return views_.make_directory(parent, name);
}

void Filesystem::rmdir(Inode parent, std::string_view name) {
  index_.refresh();
  views_.remove_directory(parent, name);
}

void Filesystem::rename(Inode parent, std::string_view name, Inode new_parent,
                        std::string_view new_name, unsigned flags) {
  if ((flags & ~unsigned{RENAME_NOREPLACE}) != 0) fail(EINVAL, "only RENAME_NOREPLACE is known");
  if (parent != kRootInode || new_parent != kRootInode) fail(EPERM, "views cannot be renamed in");
  if (is_view_name(name)) fail(EPERM, "the views stay where they are");
  index_.refresh();
  const NodePtr node = views_.find_image(parent, name);
  if (!node) fail(ENOENT, "no such image");
  const std::string image_name = new_image_name(new_name);
  const NodePtr target = views_.find_image(new_parent, new_name);
  if (target && (flags & RENAME_NOREPLACE) != 0) fail(EEXIST, "the name is taken");
  if (target && target->inode == node->inode) return;
  // Before the old image is given up for it.
  files_.publish_closed(node->inode);
  files_.wait_for_release(node->inode);
  if (target) {
    catalog_.rename_over(caller_, node->image.id, image_name, target->image.id, options_.replaced,
                         [&](const Image& replaced) { return still_named(*target, replaced); });
  } else {
    const AttributeEdit edit{.kind = AttributeEdit::Kind::put, .name = "name", .value = image_name};
    catalog_.update(caller_, node->image.id, std::span(&edit, 1));
  }
  index_.refresh();
}

// ── open files ────────────────────────────────────────────────────────────────────────────────

Filesystem::Created Filesystem::create(Inode parent, std::string_view name, bool open, int flags,
                                       const Requester& requester) {
  if (parent != kRootInode) fail(EPERM, "images are made in the root");
  files_.require_accepting();
  const std::string image_name = new_image_name(name);
  index_.refresh();
  if (views_.find_image(parent, name)) fail(EEXIST, "the name is taken");
  const Image image = catalog_.add(caller_, {.name = image_name,
                                             .visibility = options_.visibility,
                                             .owner = options_.owner,
                                             .container_format = "bare",
                                             .temporary = is_temporary_name(image_name)});
  index_.refresh();
  const NodePtr node = index_.find_id(image.id);
  if (!node) fail(ENOENT, "the image was deleted at once");
  Created created;
  created.handle = files_.add_created(node, open, flags, requester);
  created.entry = entry_of(node, views_.lists(parent, name, *node));
  return created;
}

OpenFiles::Opened Filesystem::open(Inode inode, int flags, const Requester& requester) {
  index_.refresh();
  if (!is_image(inode)) {
    if ((flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC) != 0) fail(EACCES, "a generated file");
    return files_.add_generated(views_.open_file(inode));
  }
  const NodePtr node = node_of(inode);
  if (node->image.status == ImageStatus::deactivated) fail(EACCES, "the image is deactivated");
  return files_.open(node, flags, requester);
}

void Filesystem::refresh() {
  index_.refresh();
}

// ── extended attributes ───────────────────────────────────────────────────────────────────────

std::shared_ptr<const Image> Filesystem::image_of(Inode inode, const Requester& requester) {
  files_.wait_for_release(inode);
  index_.refresh();
  const NodePtr node = node_of(inode);
  const ImageId target = files_.target_of(node, requester);
  // A change of the image makes a new node: what was read for this one is still true.
  const bool current = target == node->image.id && index_.find(inode) == node;
  {
    MutexLock lock(looked_at_mutex_);
    if (current && looked_at_.node == node) return looked_at_.image;
  }
  auto found = catalog_.find(caller_, target);
  if (!found) fail(ENOENT, "the image is gone");
  auto image = std::make_shared<const Image>(std::move(*found));
  if (current) {
    MutexLock lock(looked_at_mutex_);
    looked_at_ = {.node = node, .image = image};
  }
  return image;
}

std::string Filesystem::getxattr(Inode inode, std::string_view name, const Requester& requester) {
  const std::string key = attribute_key(name);
  if (!is_image(inode)) fail(ENODATA, "directories have none");
  auto value = xattr_value(*image_of(inode, requester), key, caller_, catalog_.config());
  if (!value) fail(ENODATA, "no such attribute");
  return std::move(*value);
}

std::vector<std::string> Filesystem::listxattr(Inode inode, const Requester& requester) {
  if (!is_image(inode)) return {};
  return xattr_names(*image_of(inode, requester));
}

void Filesystem::setxattr(Inode inode, std::string_view name, std::string_view value, int flags,
                          const Requester& requester) {
  if (name.starts_with("security.")) fail(EOPNOTSUPP, "security attributes are not kept");
  const std::string key = attribute_key(name);
  if (key.empty()) fail(EINVAL, "an attribute needs a name");
  if (!is_image(inode) || key == kMetadataKey) {
    fail(EPERM, "the attribute cannot be set");
  }
  const auto known = image_of(inode, requester);
  const Image& image = *known;
  const auto present = attribute_text(image, key);
  // Keys that only the server sets are passed over in silence where tools that copy attributes
  // (cp -a, rsync -X) bring them along; what they say of the data is held against them.
  const CoreAttribute* core = find_core_attribute(key);
  const bool read_only = core != nullptr && !core->settable;
  if (read_only && present == value) return;
  if (read_only && lacks_data(image.status)) {
    if (const auto expected = parse_expectation(key, value)) {
      catalog_.expect(caller_, image.id, *expected);
    }
    return;
  }
  if (read_only && !is_reserved_attribute(key)) fail(EPERM, "the attribute is read-only");
  if (core == nullptr && value.size() > kMaxLongText) fail(E2BIG, "the value is too long");
  if (present == value && (flags & XATTR_CREATE) == 0) return;
  const ImageEdit edit = AttributeEdit{
      .kind = AttributeEdit::Kind::put, .name = key, .value = parse_attribute(key, value)};
  // Whether it is there is decided where it is set: somebody else may be about to.
  catalog_.patch(caller_, image.id, std::span(&edit, 1), [&](const Image& newest) {
    const bool is_there = attribute_text(newest, key).has_value();
    if ((flags & XATTR_CREATE) != 0 && is_there) fail(EEXIST, "the attribute is there already");
    if ((flags & XATTR_REPLACE) != 0 && !is_there) fail(ENODATA, "there is no such attribute");
    return true;
  });
  index_.refresh();
}

void Filesystem::removexattr(Inode inode, std::string_view name, const Requester& requester) {
  const std::string key = attribute_key(name);
  if (!is_image(inode)) fail(ENODATA, "directories have none");
  if (key == kMetadataKey) fail(EPERM, "the attribute cannot be removed");
  const auto known = image_of(inode, requester);
  const Image& image = *known;
  if (!attribute_text(image, key)) fail(ENODATA, "there is no such attribute");
  // rsync -X removes what its source lacks; what tells of the data stays with them all the same.
  if (key == "checksum" || key == "os_hash_algo" || key == "os_hash_value") return;
  const bool format = key == "disk_format" || key == "container_format";
  if (format && !lacks_data(image.status)) return;
  const ImageEdit edit = AttributeEdit{.kind = AttributeEdit::Kind::reset, .name = key};
  catalog_.patch(caller_, image.id, std::span(&edit, 1), [&](const Image& newest) {
    if (!attribute_text(newest, key)) fail(ENODATA, "there is no such attribute");
    return true;
  });
  index_.refresh();
}

}  // namespace glance::fs
