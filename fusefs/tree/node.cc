// SPDX-License-Identifier: Apache-2.0
#include "fusefs/tree/node.h"

#include <algorithm>
#include <cerrno>
#include <tuple>

#include "fusefs/base/errno_table.h"

namespace glance::fs {

bool Node::has_tag(const std::string& tag) const {
  return std::ranges::binary_search(image.tags, tag);
}

bool carried_longer(const NodePtr& a, const NodePtr& b) {
  return std::tie(a->image.name_order, a->image.id) < std::tie(b->image.name_order, b->image.id);
}

std::string_view group_of(const ImageEntry& image) noexcept {
  return image.name && !image.name->empty() ? *image.name : image.id.text();
}

std::string_view group_of(const Node& node) noexcept {
  return group_of(node.image);
}

std::string_view file_name_of(const Node& node) noexcept {
  return node.file_name;
}

bool is_in(SumFile file, const Node& node) noexcept {
  if (!node.in_root() || node.image.status != ImageStatus::active) return false;
  return file == SumFile::md5 ? node.image.has_md5 : node.image.has_sha512;
}

bool still_named(const Node& node, const Image& newest) {
  if (newest.name == node.image.name) return true;
  fail(ESTALE, "the image has got another name");
}

}  // namespace glance::fs
