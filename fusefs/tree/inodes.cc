// SPDX-License-Identifier: Apache-2.0
#include "fusefs/tree/inodes.h"

namespace glance::fs {

namespace {

/// FNV-1a
std::uint64_t hash(std::string_view text) noexcept {
  std::uint64_t value = 0xcbf29ce484222325ULL;
  for (const char c : text) {
    value ^= static_cast<unsigned char>(c);
    value *= 0x100000001b3ULL;
  }
  return value;
}

}  // namespace

Inode image_inode(const ImageId& id) noexcept {
  return (hash(id.text()) >> 2) | (1ULL << 61);
}

Inode tag_inode(std::string_view tag) noexcept {
  return (hash(tag) >> 4) | (1ULL << 60);
}

}  // namespace glance::fs
