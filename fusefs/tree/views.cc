// SPDX-License-Identifier: Apache-2.0
#include "fusefs/tree/views.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "catalog/model/attribute_checks.h"
#include "catalog/text/utf8.h"
#include "fusefs/base/errno_table.h"
#include "fusefs/tree/attributes.h"
#include "fusefs/tree/names.h"
#include "fusefs/tree/sums.h"

namespace glance::fs {

namespace {

struct View {
  std::string_view name;
  Inode inode;
};

constexpr std::array kViews = {View{".by-id", kByIdInode}, View{".by-tag", kByTagInode},
                               View{".MD5SUMS", kMd5Inode}, View{".SHA512SUMS", kSha512Inode}};

// Where the images' places in a listing begin: behind `.`, `..` and the views.
constexpr off_t kFirstImage = 16;

std::optional<SumFile> sum_file(Inode place) noexcept {
  if (place == kMd5Inode) return SumFile::md5;
  if (place == kSha512Inode) return SumFile::sha512;
  return std::nullopt;
}

Inode parent_of(Inode place) noexcept {
  return place > kSha512Inode && !is_image(place) ? kByTagInode : kRootInode;
}

/// A listing as it grows. Places follow from the order of names, so that reading can go on where
/// it stopped in another listing, as NFS servers want it.
class Lister {
 public:
  Lister(Inode directory, std::size_t size) {
    entries_.reserve(size + 2 + kViews.size());
    add(".", directory, 1);
    add("..", parent_of(directory), 2);
  }

  void add(std::string name, Inode inode, off_t place) {
    last_ = std::max(place, last_ + 1);
    entries_.push_back({.name = std::move(name), .inode = inode, .next = last_});
  }

  void add_image(std::string name, const Node& node) {
    add(std::move(name), node.inode, kFirstImage + node.image.name_order);
  }

  [[nodiscard]] std::vector<DirectoryEntry> take() { return std::move(entries_); }

 private:
  std::vector<DirectoryEntry> entries_;
  off_t last_ = 0;
};

/// The tag for a new directory.
std::string new_tag(std::string_view file_name) {
  if (!is_valid_utf8(file_name)) fail(EILSEQ, "directory name is not UTF-8");
  if (file_name.size() > kMaxFileName) fail(ENAMETOOLONG, "directory name over 255 bytes");
  auto tag = decode_tag(file_name);
  if (!tag) fail(EINVAL, "no tag maps to this directory name");
  checks::tag(*tag);
  return std::move(*tag);
}

}  // namespace

Views::Views(Catalog& catalog, Caller caller, ImageIndex& index, const MountOptions& options)
    : catalog_(catalog), caller_(std::move(caller)), index_(index), options_(options) {}

// ── looking ───────────────────────────────────────────────────────────────────────────────────

nlink_t Views::links(Inode directory) const {
  // Its name, its `.`, and the `..` of every directory that is listed in it.
  if (directory == kByTagInode) return 2 + index_.tag_count();
  return directory == kRootInode && options_.show_views ? 4 : 2;
}

Entry Views::directory_entry(Inode directory) const {
  const auto changed = index_.changed(directory);
  if (!changed) fail(ENOENT, "no such directory");
  return {.inode = directory,
          .attributes = directory_stat(directory, *changed, links(directory), options_),
          .attribute_timeout = kShort,
          .entry_timeout = kTrusted};
}

Entry Views::file_entry(Inode file) const {
  return {.inode = file,
          .attributes = generated_stat(file, index_.sums_size(*sum_file(file)),
                                       index_.changed(file).value_or(Timestamp{}), options_),
          .attribute_timeout = 0,
          .entry_timeout = kTrusted};
}

Entry Views::entry(Inode place) const {
  return sum_file(place) ? file_entry(place) : directory_entry(place);
}

std::optional<Entry> Views::find(Inode directory, std::string_view name) const {
  // Who exports the mount over NFS asks for these by number alone.
  if (name == "." && !is_image(directory)) return entry(directory);
  if (name == "..") return entry(parent_of(directory));
  if (directory == kRootInode) {
    const auto* const view = std::ranges::find(kViews, name, &View::name);
    if (view != kViews.end()) return entry(view->inode);
  }
  if (directory != kByTagInode) return std::nullopt;
  const auto tag = index_.find_tag(name);
  if (!tag) fail(ENOENT, "no such tag");
  return entry(tag->inode);
}

NodePtr Views::find_image(Inode directory, std::string_view name) const {
  if (directory == kRootInode) return index_.find_name(name);
  if (is_image(directory) || sum_file(directory)) fail(ENOTDIR, "not a directory");
  if (directory == kByTagInode) return nullptr;
  const auto id = ImageId::parse(name);
  auto by_id = id ? index_.find_id(*id) : nullptr;
  if (directory == kByIdInode) return by_id;
  const auto tag = index_.find_tag(directory);
  auto node = index_.find_name(name);
  if (!node) node = by_id;
  return tag && node && node->has_tag(tag->tag) ? node : nullptr;
}

bool Views::lists(Inode directory, std::string_view name, const Node& node) const {
  if (directory == kByIdInode) return node.image.id.text() == name;
  if (node.file_name != name) return false;
  if (directory == kRootInode) return true;
  const auto tag = index_.find_tag(directory);
  return tag && node.has_tag(tag->tag);
}

std::unique_ptr<DirectoryHandle> Views::open_directory(Inode directory) const {
  if (is_image(directory) || sum_file(directory)) fail(ENOTDIR, "not a directory");
  if (!index_.changed(directory)) fail(ENOENT, "no such directory");
  return std::make_unique<DirectoryHandle>(
      DirectoryHandle{.inode = directory, .cache_is_true = index_.open(directory), .entries = {}});
}

std::vector<DirectoryEntry> Views::list(Inode directory) const {
  Lister lister(directory, index_.size());
  if (directory == kByTagInode) {
    for (auto& tag : index_.tags()) lister.add(std::move(tag.file_name), tag.inode, 0);
    return lister.take();
  }
  if (directory == kByIdInode) {
    const auto images = index_.listing();
    for (const auto& node : *images) lister.add_image(node->image.id.text(), *node);
    return lister.take();
  }
  if (directory != kRootInode) {
    for (const auto& node : index_.tagged(directory)) lister.add_image(node->file_name, *node);
    return lister.take();
  }
  if (options_.show_views) {
    for (const auto& view : kViews) lister.add(std::string(view.name), view.inode, 0);
  }
  const auto images = index_.listing();
  for (const auto& node : *images) {
    if (node->in_root()) lister.add_image(node->file_name, *node);
  }
  return lister.take();
}

std::unique_ptr<BlobReader> Views::open_file(Inode place) const {
  const auto file = sum_file(place);
  if (!file) fail(EISDIR, "a directory");
  const auto all = index_.listing();
  std::vector<NodePtr> images;
  for (const auto& node : *all) {
    if (is_in(*file, *node)) images.push_back(node);
  }
  return open_sums(catalog_, caller_, *file, std::move(images));
}

// ── changing ──────────────────────────────────────────────────────────────────────────────────

void Views::unlink(Inode directory, std::string_view name) {
  if (directory == kRootInode && is_view_name(name)) fail(EPERM, "always there");
  const NodePtr node = find_image(directory, name);
  if (!node) fail(ENOENT, "no such image");
  if (const auto tag = index_.find_tag(directory)) {
    // `rm -r` of a tag removes the directory as well, which must still be there then.
    index_.keep_tag(tag->tag);
    catalog_.remove_tag(caller_, node->image.id, tag->tag);
  } else {
    catalog_.remove(caller_, node->image.id, [&](const Image& image) {
      return directory == kByIdInode || still_named(*node, image);
    });
  }
  index_.refresh();
}

void Views::link(const Node& node, Inode directory, std::string_view name) {
  const auto tag = index_.find_tag(directory);
  if (!tag) fail(EPERM, "links are made in tags' directories only");
  const auto id = ImageId::parse(name);
  const auto named = index_.find_name(name);
  const bool means_it = (named && named->inode == node.inode) || id == node.image.id;
  if (!means_it) fail(EINVAL, "a link has the image's own name");
  catalog_.add_tag(caller_, node.image.id, tag->tag, [&](const Image& image) {
    if (std::ranges::find(image.tags, tag->tag) == image.tags.end()) return true;
    fail(EEXIST, "the image has the tag");
  });
  index_.refresh();
}

Entry Views::make_directory(Inode parent, std::string_view name) {
  if (parent != kByTagInode) fail(EPERM, "directories are tags, and made in .by-tag");
  const std::string tag = new_tag(name);
  if (index_.find_tag(name)) fail(EEXIST, "the tag is there");
  index_.keep_tag(tag);
  const auto made = index_.find_tag(name);
  if (!made) fail(EINVAL, "the tag has another directory name");
  return entry(made->inode);
}

void Views::remove_directory(Inode parent, std::string_view name) {
  if (parent != kByTagInode) fail(EPERM, "only tags can be removed");
  const auto tag = index_.find_tag(name);
  if (!tag) fail(ENOENT, "no such tag");
  if (!index_.drop_tag(tag->inode)) fail(ENOTEMPTY, "images have the tag");
}

}  // namespace glance::fs
