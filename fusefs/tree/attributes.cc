// SPDX-License-Identifier: Apache-2.0
#include "fusefs/tree/attributes.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <limits>

#include "catalog/model/image_json.h"
#include "fusefs/base/errno_table.h"

namespace glance::fs {

namespace {

constexpr std::uint64_t kStatBlock = 512;     // stat(2)
constexpr std::size_t kMaxXattrName = 255;    // xattr(7)
constexpr std::size_t kMaxXattrSize = 65536;  // of a value, and of a whole list
constexpr std::uint64_t kMaxSize = std::numeric_limits<std::int64_t>::max();  // of a file

timespec to_timespec(Timestamp time) noexcept {
  const auto since_epoch = time.time_since_epoch();
  const auto seconds = std::chrono::floor<std::chrono::seconds>(since_epoch);
  const auto rest = std::chrono::duration_cast<std::chrono::nanoseconds>(since_epoch - seconds);
  return {.tv_sec = seconds.count(), .tv_nsec = rest.count()};
}

/// Keys that users may set, but whose default value says nothing.
bool is_default(const Image& image, std::string_view key) {
  if (key == "visibility") return image.visibility == Visibility::shared;
  if (key == "protected") return !image.is_protected;
  if (key == "min_disk") return image.min_disk == 0;
  if (key == "min_ram") return image.min_ram == 0;
  if (key == "tags") return image.tags.empty();
  return false;
}

bool is_listed(const Image& image, const CoreAttribute& attribute) {
  constexpr std::array<std::string_view, 3> kDigests = {"checksum", "os_hash_algo",
                                                        "os_hash_value"};
  // Where a file is, and no part of what a copy carries along. Hidden under the hands of a tool it
  // would be gone from the path that the tool goes on with.
  if (attribute.name == "name" || attribute.name == "os_hidden") return false;
  const bool digest = std::ranges::find(kDigests, attribute.name) != kDigests.end();
  if (!digest && !attribute.settable) return false;
  return !is_default(image, attribute.name) && attribute_text(image, attribute.name).has_value();
}

}  // namespace

namespace {

struct stat common_stat(Inode inode, mode_t mode, const MountOptions& options) noexcept {
  struct stat status{};
  status.st_ino = inode;
  status.st_mode = mode & ~options.umask;
  status.st_uid = options.uid;
  status.st_gid = options.gid;
  return status;
}

void set_size(struct stat& status, std::uint64_t bytes) noexcept {
  status.st_size = static_cast<off_t>(bytes);
  status.st_blocks = static_cast<blkcnt_t>((bytes + kStatBlock - 1) / kStatBlock);
  status.st_blksize = kBlockSize;
}

void set_times(struct stat& status, Timestamp data, Timestamp change) noexcept {
  status.st_mtim = to_timespec(data);
  status.st_atim = status.st_mtim;
  status.st_ctim = to_timespec(change);
}

}  // namespace

struct stat file_stat(const Node& node, std::optional<std::uint64_t> size,
                      const MountOptions& options) noexcept {
  const mode_t mode = has_data(node.image.status) ? 0444 : 0666;
  struct stat status = common_stat(node.inode, S_IFREG | mode, options);
  status.st_nlink = node.links();
  set_size(status, size.value_or(node.image.size));
  set_times(status, node.image.data_time, node.image.updated_at);
  return status;
}

struct stat directory_stat(Inode inode, Timestamp changed, nlink_t links,
                           const MountOptions& options) noexcept {
  struct stat status = common_stat(inode, S_IFDIR | 0777, options);
  status.st_nlink = links;
  status.st_blksize = 4096;
  set_times(status, changed, changed);
  return status;
}

struct stat generated_stat(Inode inode, std::uint64_t size, Timestamp changed,
                           const MountOptions& options) noexcept {
  struct stat status = common_stat(inode, S_IFREG | 0444, options);
  status.st_nlink = 1;
  set_size(status, size);
  set_times(status, changed, changed);
  return status;
}

std::string attribute_key(std::string_view xattr_name) {
  if (xattr_name == "user.") fail(EINVAL, "an attribute needs a name");
  // Told that there are no labels here, ls -l stops asking for every file's.
  const bool label = xattr_name == "security.selinux";
  if (xattr_name.starts_with("security.") && !label) fail(ENODATA, "security attributes");
  if (!xattr_name.starts_with(kXattrPrefix)) fail(EOPNOTSUPP, "attribute namespace");
  return std::string(xattr_name.substr(kXattrPrefix.size()));
}

std::vector<std::string> xattr_names(const Image& image) {
  std::vector<std::string> names;
  std::size_t room = kMaxXattrSize;
  const auto add = [&](std::string_view key) {
    std::string name = std::string(kXattrPrefix) + std::string(key);
    const std::size_t size = name.size() + 1;
    const bool fits = name.size() <= kMaxXattrName && name.find('\0') == std::string::npos;
    if (!fits || size > room || key.empty() || key == kMetadataKey) return;
    room -= size;
    names.push_back(std::move(name));
  };
  for (const auto& attribute : core_attributes()) {
    if (is_listed(image, attribute)) add(attribute.name);
  }
  for (const auto& [name, value] : image.properties) {
    if (value.size() <= kMaxXattrSize) add(name);
  }
  return names;
}

std::optional<std::string> xattr_value(const Image& image, std::string_view key,
                                       const Caller& caller, const Config& config) {
  auto value =
      key == kMetadataKey ? image_to_json(image, caller, config) : attribute_text(image, key);
  if (value && value->size() > kMaxXattrSize) fail(E2BIG, "no extended attribute can be that long");
  return value;
}

std::optional<Expectation> parse_expectation(std::string_view key, std::string_view value) {
  Expectation expected;
  if (key == "checksum") {
    expected.checksum = std::string(value);
  } else if (key == "os_hash_algo") {
    expected.os_hash_algo = std::string(value);
  } else if (key == "os_hash_value") {
    expected.os_hash_value = std::string(value);
  } else if (key == "size") {
    std::uint64_t size = 0;
    const auto [end, error] = std::from_chars(value.begin(), value.end(), size);
    const bool number = error == std::errc{} && end == value.end();
    if (!number || size > kMaxSize) fail(EINVAL, "size must be a number of bytes");
    expected.size = size;
  } else {
    return std::nullopt;
  }
  return expected;
}

}  // namespace glance::fs
