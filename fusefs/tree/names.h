// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace glance::fs {

/// Names of images and tags ↔ file names. Pure.
///
/// A name passes untouched wherever a file name can hold it. `/` and NUL become %2F and %00; the
/// names `.`, `..` and those of the mount's own views get %2E for their first dot; what would read
/// as one of these gets a 25 behind its `%`. The mapping is reversible: every file name but those
/// of the views means an image name, which is encoded to it again.

/// The longest file name, in bytes.
inline constexpr std::size_t kMaxFileName = 255;

/// Names in the root that are not images: .by-id, .by-tag, .MD5SUMS, .SHA512SUMS.
[[nodiscard]] bool is_view_name(std::string_view file_name) noexcept;

/// The file name for an image name; it may be longer than kMaxFileName.
[[nodiscard]] std::string encode_name(std::string_view image_name);

/// The image name that a file of this name gets; nothing for `.`, `..` and views.
[[nodiscard]] std::optional<std::string> decode_name(std::string_view file_name);

/// The same for a tag and its directory, where no name is reserved for views.
[[nodiscard]] std::string encode_tag(std::string_view tag);
[[nodiscard]] std::optional<std::string> decode_tag(std::string_view file_name);

/// `.NAME.XXXXXX`, as rsync and we call a file on its way to its real name.
[[nodiscard]] bool is_temporary_name(std::string_view name) noexcept;
[[nodiscard]] std::string temporary_name(std::string_view name);

/// `base~digits` apart: how one of several images of a name is told from the others.
struct Qualified {
  std::string_view base;
  std::string digits;  ///< of the id, without dashes; at least kMinIdDigits
};
inline constexpr std::size_t kMinIdDigits = 8;

/// Nothing unless the name ends in `~` and at least kMinIdDigits hex digits, with or without the
/// id's dashes. The base points into `file_name`.
[[nodiscard]] std::optional<Qualified> split_qualified(std::string_view file_name);

/// An id without its dashes.
[[nodiscard]] std::string id_digits(std::string_view id);

/// Whether the id begins with these digits.
[[nodiscard]] bool has_digits(std::string_view id, std::string_view digits) noexcept;

/// `base~digits`, with `count` digits of the id and a dash for each that it lacks; a base that is
/// too long is cut between characters.
[[nodiscard]] std::string qualify(std::string_view base, std::string_view id, std::size_t count);

/// One of several images of a name.
struct Carrier {
  std::string_view id;
  bool hidden = false;
};

/// The file names of images of one name, which `base` is the encoding of. The first that is not
/// hidden keeps it bare if it fits; the others get as many digits as tell them apart and as make
/// names that are not `taken` by images of other names.
[[nodiscard]] std::vector<std::string> file_names(
    std::string_view base, std::span<const Carrier> carriers,
    const std::function<bool(const std::string&)>& taken);

}  // namespace glance::fs
