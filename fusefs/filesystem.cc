// SPDX-License-Identifier: Apache-2.0
#include "fusefs/filesystem.h"

#include <algorithm>
#include <cerrno>

#include <spdlog/spdlog.h>
#include <sys/xattr.h>

#include "catalog/utf8.h"
#include "fusefs/attributes.h"
#include "fusefs/errno_table.h"
#include "fusefs/names.h"

namespace glance::fs {

namespace {

// What the kernel may keep is kept true by invalidation, so this could be for ever.
constexpr double kTrusted = 3600;
// For what nobody invalidates: the views, and names that are not the shown ones.
constexpr double kShort = 1;

constexpr std::chrono::seconds kRecoveryInterval{30};

/// The image name for a new file; EILSEQ, EINVAL or ENAMETOOLONG where there is none.
std::string new_image_name(std::string_view file_name) {
  if (!is_valid_utf8(file_name)) fail(EILSEQ, "file name is not UTF-8");
  if (file_name.size() > kMaxFileName) fail(ENAMETOOLONG, "file name over 255 bytes");
  if (is_view_name(file_name)) fail(EEXIST, "reserved name");
  const auto name = decode_name(file_name);
  if (!name) fail(EINVAL, "no image name maps to this file name");
  if (has_non_bmp(*name)) fail(EINVAL, "Glance refuses characters beyond the BMP");
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
      directory_(catalog, caller_, std::move(on_change)),
      files_(catalog, caller_, options_, directory_) {}

// ── names and attributes ──────────────────────────────────────────────────────────────────────

NodePtr Filesystem::child(Inode parent, std::string_view name) {
  if (parent == kRootInode) return directory_.find_name(name);
  if (parent != kByIdInode) fail(ENOTDIR, "not a directory");
  const auto id = ImageId::parse(name);
  return id ? directory_.find_id(*id) : nullptr;
}

NodePtr Filesystem::node_of(Inode inode) {
  auto node = directory_.find(inode);
  if (!node) node = files_.opened_node(inode);
  // The kernel then looks the path up again: another image may have the name by now.
  if (!node) fail(ESTALE, "the image is gone");
  return node;
}

Entry Filesystem::directory_entry(Inode inode) const {
  return {.inode = inode,
          .attributes = directory_stat(inode, options_),
          .attribute_timeout = kShort,
          .entry_timeout = kTrusted};
}

Entry Filesystem::entry_of(const NodePtr& node, bool shown) {
  // What close(2) promised is to be seen, and not the moment before.
  if (is_being_filled(node->image.status)) files_.wait_for_release(node->inode);
  const auto written = files_.written_size(node->inode);
  NodePtr newest = node;
  if (!written && is_being_filled(node->image.status)) {
    // Published since the node was looked up, perhaps: then its size is elsewhere by now.
    directory_.refresh();
    if (auto again = directory_.find(node->inode)) newest = std::move(again);
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
  if (parent == kRootInode && name == ".by-id") return directory_entry(kByIdInode);
  if (name.size() > kMaxFileName) fail(ENAMETOOLONG, "file name over 255 bytes");
  directory_.refresh();
  NodePtr node = child(parent, name);
  if (node && files_.wait_for_release(node->inode)) {
    directory_.refresh();
    node = child(parent, name);
  }
  if (!node) fail(ENOENT, "no such image");
  return entry_of(node, parent == kRootInode && node->file_name == name);
}

Entry Filesystem::getattr(Inode inode) {
  if (inode == kRootInode || inode == kByIdInode) return directory_entry(inode);
  directory_.refresh();
  return entry_of(node_of(inode), false);
}

Entry Filesystem::setattr(Inode inode, const AttributeChange& change, std::uint64_t handle,
                          const Requester& requester) {
  if (inode == kRootInode || inode == kByIdInode) return directory_entry(inode);
  directory_.refresh();
  const NodePtr node = node_of(inode);
  if (change.size) files_.resize(node, *change.size, handle, requester);
  if (change.data_time) {
    catalog_.set_data_time(caller_, files_.target_of(node, handle), *change.data_time);
  }
  directory_.refresh();
  return entry_of(node_of(inode), false);
}

std::unique_ptr<DirectoryHandle> Filesystem::opendir(Inode inode) const {
  if (inode != kRootInode && inode != kByIdInode) fail(ENOTDIR, "not a directory");
  return std::make_unique<DirectoryHandle>(DirectoryHandle{.inode = inode, .entries = {}});
}

std::vector<DirectoryEntry> Filesystem::list(Inode directory) {
  directory_.refresh();
  const auto listing = directory_.listing();
  std::vector<DirectoryEntry> entries = {{.name = ".", .inode = directory},
                                         {.name = "..", .inode = kRootInode}};
  entries.reserve(listing->size() + entries.size());
  for (const auto& node : *listing) {
    const std::string& name = directory == kRootInode ? node->file_name : node->image.id.text();
    if (!name.empty()) entries.push_back({.name = name, .inode = node->inode});
  }
  return entries;
}

Entry Filesystem::listed(Inode directory, const DirectoryEntry& entry) {
  if (entry.inode == kRootInode || entry.inode == kByIdInode) return directory_entry(entry.inode);
  const NodePtr node = directory_.find(entry.inode);
  const bool in_root = directory == kRootInode;
  if (node && (!in_root || node->file_name == entry.name)) return entry_of(node, in_root);
  Entry gone;
  gone.attributes.st_ino = entry.inode;
  gone.attributes.st_mode = S_IFREG;
  return gone;
}

struct statvfs Filesystem::statfs() const {
  constexpr unsigned long kUnit = 4096;
  const Space space = catalog_.space();
  struct statvfs status{};
  status.f_bsize = static_cast<unsigned long>(kBlockSize);
  status.f_frsize = kUnit;
  status.f_blocks = space.total / kUnit;
  status.f_bfree = space.free / kUnit;
  status.f_bavail = space.available / kUnit;
  status.f_files = directory_.listing()->size();
  status.f_namemax = kMaxFileName;
  return status;
}

void Filesystem::unlink(Inode parent, std::string_view name) {
  directory_.refresh();
  const NodePtr node = child(parent, name);
  if (!node) fail(ENOENT, "no such image");
  catalog_.remove(caller_, node->image.id);
  directory_.refresh();
}

void Filesystem::rename(Inode parent, std::string_view name, Inode new_parent,
                        std::string_view new_name, unsigned flags) {
  if ((flags & ~unsigned{RENAME_NOREPLACE}) != 0) fail(EINVAL, "only RENAME_NOREPLACE is known");
  if (parent != kRootInode || new_parent != kRootInode) fail(EPERM, "views cannot be renamed in");
  directory_.refresh();
  const NodePtr node = child(parent, name);
  if (!node) fail(ENOENT, "no such image");
  const std::string image_name = new_image_name(new_name);
  const NodePtr target = child(new_parent, new_name);
  if (target && (flags & RENAME_NOREPLACE) != 0) fail(EEXIST, "the name is taken");
  if (target && target->inode == node->inode) return;
  // Before the old image is given up for it.
  files_.publish_closed(node->inode);
  if (target) {
    catalog_.rename_over(caller_, node->image.id, image_name, target->image.id, options_.replaced);
  } else {
    const AttributeEdit edit{.kind = AttributeEdit::Kind::put, .name = "name", .value = image_name};
    catalog_.update(caller_, node->image.id, std::span(&edit, 1));
  }
  directory_.refresh();
}

// ── open files ────────────────────────────────────────────────────────────────────────────────

Filesystem::Created Filesystem::create(Inode parent, std::string_view name, bool open, int flags,
                                       const Requester& requester) {
  if (parent != kRootInode) fail(EPERM, "images are made in the root");
  files_.require_accepting();
  const std::string image_name = new_image_name(name);
  directory_.refresh();
  if (child(parent, name)) fail(EEXIST, "the name is taken");
  const Image image = catalog_.add(caller_, {.name = image_name,
                                             .visibility = options_.visibility,
                                             .owner = options_.owner,
                                             .container_format = "bare",
                                             .temporary = is_temporary_name(image_name)});
  directory_.refresh();
  const NodePtr node = directory_.find_id(image.id);
  if (!node) fail(ENOENT, "the image was deleted at once");
  Created created;
  created.handle = files_.add_created(node, open, flags, requester);
  created.entry = entry_of(node, node->file_name == name);
  return created;
}

OpenFiles::Opened Filesystem::open(Inode inode, int flags, const Requester& requester) {
  directory_.refresh();
  const NodePtr node = node_of(inode);
  if (node->image.status == ImageStatus::deactivated) fail(EACCES, "the image is deactivated");
  return files_.open(node, flags, requester);
}

void Filesystem::refresh() {
  directory_.refresh();
  const auto present = std::chrono::steady_clock::now();
  if (!files_.recovery_due() || present < next_recovery_) return;
  // Acknowledged data whose publication failed are published all the same.
  next_recovery_ = present + kRecoveryInterval;
  const RecoveryReport report = catalog_.recover();
  if (report.published + report.discarded > 0) files_.recovery_done();
}

// ── extended attributes ───────────────────────────────────────────────────────────────────────

Image Filesystem::image_of(Inode inode, const Requester& requester) {
  if (files_.wait_for_release(inode)) directory_.refresh();
  const NodePtr node = node_of(inode);
  auto image = catalog_.find(caller_, files_.target_of(node, requester));
  if (!image) fail(ESTALE, "the image is gone");
  return std::move(*image);
}

std::string Filesystem::getxattr(Inode inode, std::string_view name, const Requester& requester) {
  const std::string key = attribute_key(name);
  if (inode == kRootInode || inode == kByIdInode) fail(ENODATA, "directories have none");
  auto value = xattr_value(image_of(inode, requester), key, catalog_.config());
  if (!value) fail(ENODATA, "no such attribute");
  return std::move(*value);
}

std::vector<std::string> Filesystem::listxattr(Inode inode, const Requester& requester) {
  if (inode == kRootInode || inode == kByIdInode) return {};
  return xattr_names(image_of(inode, requester));
}

void Filesystem::setxattr(Inode inode, std::string_view name, std::string_view value, int flags,
                          const Requester& requester) {
  if (name.starts_with("security.")) fail(EOPNOTSUPP, "security attributes are not kept");
  const std::string key = attribute_key(name);
  if (key.empty()) fail(EINVAL, "an attribute needs a name");
  if (inode == kRootInode || inode == kByIdInode || key == kMetadataKey) {
    fail(EPERM, "the attribute cannot be set");
  }
  const Image image = image_of(inode, requester);
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
  if ((flags & XATTR_CREATE) != 0 && present) fail(EEXIST, "the attribute is there already");
  if ((flags & XATTR_REPLACE) != 0 && !present) fail(ENODATA, "there is no such attribute");
  if (present == value) return;
  const AttributeEdit edit{
      .kind = AttributeEdit::Kind::put, .name = key, .value = parse_attribute(key, value)};
  catalog_.update(caller_, image.id, std::span(&edit, 1));
  directory_.refresh();
}

void Filesystem::removexattr(Inode inode, std::string_view name, const Requester& requester) {
  const std::string key = attribute_key(name);
  if (inode == kRootInode || inode == kByIdInode) fail(ENODATA, "directories have none");
  if (key == kMetadataKey) fail(EPERM, "the attribute cannot be removed");
  const Image image = image_of(inode, requester);
  if (!attribute_text(image, key)) fail(ENODATA, "there is no such attribute");
  // rsync -X removes what its source lacks; what tells of the data stays with them all the same.
  if (key == "checksum" || key == "os_hash_algo" || key == "os_hash_value") return;
  const bool format = key == "disk_format" || key == "container_format";
  if (format && !lacks_data(image.status)) return;
  const AttributeEdit edit{.kind = AttributeEdit::Kind::reset, .name = key};
  catalog_.update(caller_, image.id, std::span(&edit, 1));
  directory_.refresh();
}

}  // namespace glance::fs
