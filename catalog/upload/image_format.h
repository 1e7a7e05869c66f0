// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>

namespace glance {

/// Reads image bytes at an offset; returns how many there were (fewer only at the end).
using ReadAt = std::function<std::size_t(std::uint64_t offset, std::span<std::byte> into)>;

/// What an image's own bytes say that it is.
struct ImageFormat {
  std::string disk_format;                    ///< Glance's name: qcow2, iso, vmdk, …; else raw
  std::optional<std::uint64_t> virtual_size;  ///< bytes the guest sees; nothing if not told
};

/// Looks at the headers (and footers) of `size` bytes of image data: qcow2, vmdk (sparse,
/// stream-optimized), vhd, vhdx, vdi, iso, and raw for all else. Reads some KiB at known places,
/// whatever the header claims, and never throws because of what it finds: damaged headers make
/// a format without a virtual size. Pure but for `read_at`, whose errors pass through.
[[nodiscard]] ImageFormat inspect_image(const ReadAt& read_at, std::uint64_t size);

}  // namespace glance
