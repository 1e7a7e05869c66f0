// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "catalog/model/image.h"
#include "catalog/model/image_entry.h"
#include "fusefs/tree/inodes.h"

namespace glance::fs {

/// One image as the mount shows it. Immutable: a change of the image makes a new node.
struct Node {
  ImageEntry image;
  Inode inode = 0;
  /// How the root and the tags' directories list it; no two images share one.
  std::string file_name;

  /// Hidden images are listed by id and by tag only.
  [[nodiscard]] bool in_root() const noexcept { return !image.unlisted; }

  [[nodiscard]] bool has_tag(const std::string& tag) const;

  /// How many paths lead here.
  [[nodiscard]] unsigned links() const noexcept {
    return 1 + (in_root() ? 1U : 0U) + static_cast<unsigned>(image.tags.size());
  }
};
using NodePtr = std::shared_ptr<const Node>;

/// The order in which names are given and listed.
[[nodiscard]] bool carried_longer(const NodePtr& a, const NodePtr& b);

/// What images must share to need different file names: the name, or the id of one without.
[[nodiscard]] std::string_view group_of(const ImageEntry& image) noexcept;
[[nodiscard]] std::string_view group_of(const Node& node) noexcept;
[[nodiscard]] std::string_view file_name_of(const Node& node) noexcept;

/// The files in the root that list digests, as md5sum(1) and sha512sum(1) do.
enum class SumFile { md5, sha512 };

/// Whether the image has a line there: what `md5sum -c` in the root can verify.
[[nodiscard]] bool is_in(SumFile file, const Node& node) noexcept;

/// Nodes in unordered containers by one of their texts.
using TextOf = std::string_view (*)(const Node&) noexcept;

template <TextOf text_of>
struct HashBy {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const noexcept {
    return std::hash<std::string_view>()(text);
  }
  std::size_t operator()(const NodePtr& node) const noexcept { return (*this)(text_of(*node)); }
};

template <TextOf text_of>
struct EqualBy {
  using is_transparent = void;
  template <typename A, typename B>
  bool operator()(const A& a, const B& b) const noexcept {
    return text(a) == text(b);
  }

 private:
  static std::string_view text(std::string_view text) noexcept { return text; }
  static std::string_view text(const NodePtr& node) noexcept { return text_of(*node); }
};

/// For a change of the image that a name has led to, inside of the change: whether the image still
/// has that name. If somebody has given it another one, throws ESTALE, upon which the kernel looks
/// the name up again.
[[nodiscard]] bool still_named(const Node& node, const Image& newest);

}  // namespace glance::fs
