// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/stat.h>

#include "catalog/catalog.h"
#include "catalog/model/digests.h"
#include "fusefs/base/mount_options.h"
#include "fusefs/tree/node.h"

namespace glance::fs {

/// Images ↔ struct stat and extended attributes. Pure.

inline constexpr std::string_view kXattrPrefix = "user.glance.";

/// `user.glance.metadata`: the whole image as the API's JSON. Never listed, never set.
inline constexpr std::string_view kMetadataKey = "metadata";

/// Tools take their buffer's size from st_blksize: with this one cp writes 1 MiB at a time, an
/// eighth of the round trips.
inline constexpr blksize_t kBlockSize = blksize_t{1024} * 1024;

/// `size` replaces the recorded size while the image is being written here.
[[nodiscard]] struct stat file_stat(const Node& node, std::optional<std::uint64_t> size,
                                    const MountOptions& options) noexcept;

/// Of a directory, whose names changed last at `changed`.
[[nodiscard]] struct stat directory_stat(Inode inode, Timestamp changed, nlink_t links,
                                         const MountOptions& options) noexcept;

/// Of a file that is made up as it is read.
[[nodiscard]] struct stat generated_stat(Inode inode, std::uint64_t size, Timestamp changed,
                                         const MountOptions& options) noexcept;

/// The attribute key inside `user.glance.KEY`; throws the errno for any other name:
/// `security.*` ENODATA, everything else EOPNOTSUPP (then ls(1) stops asking for ACLs), and
/// `security.selinux` too (then it stops asking for labels), but for a bare `user.` EINVAL, as
/// other filesystems do.
[[nodiscard]] std::string attribute_key(std::string_view xattr_name);

/// The names that listxattr(2) shows: custom properties, digests, and settable keys whose value
/// is not the default. A listed `name` would make `cp -a x y` call the copy x. Names that no xattr
/// can carry, values over 64 KiB and what would make the list longer than that are left out:
/// user.glance.metadata has them, as far as it fits, and `glance-catalog show`.
[[nodiscard]] std::vector<std::string> xattr_names(const Image& image);

/// The value of `user.glance.KEY` for `caller`; nothing if the image has no such attribute. Error:
/// E2BIG, if it is longer than an xattr can be.
[[nodiscard]] std::optional<std::string> xattr_value(const Image& image, std::string_view key,
                                                     const Caller& caller, const Config& config);

/// What `user.glance.KEY` says of data to come: checksum, os_hash_algo, os_hash_value and size.
/// Nothing for other keys. Error: invalid (a size that is no number).
[[nodiscard]] std::optional<Expectation> parse_expectation(std::string_view key,
                                                           std::string_view value);

}  // namespace glance::fs
