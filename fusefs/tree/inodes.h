// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

#include "catalog/model/image.h"

namespace glance::fs {

/// Inode numbers. They are derived from what they stand for, so that they are the same on every
/// mount and after every remount; kept clear of each other and of the sign bit, which some programs
/// print badly. Pure.
using Inode = std::uint64_t;

inline constexpr Inode kRootInode = 1;
inline constexpr Inode kByIdInode = 2;
inline constexpr Inode kByTagInode = 3;
inline constexpr Inode kMd5Inode = 4;
inline constexpr Inode kSha512Inode = 5;

/// The numbers of an image and of a tag's directory. Two ids share one once in 2⁶¹; then the one
/// that came second takes the next, which may be the other one on another mount.
[[nodiscard]] Inode image_inode(const ImageId& id) noexcept;
[[nodiscard]] Inode tag_inode(std::string_view tag) noexcept;

/// Whether an image has the number, and not one of the mount's own places.
[[nodiscard]] constexpr bool is_image(Inode inode) noexcept {
  return (inode >> 61) != 0;
}

}  // namespace glance::fs
