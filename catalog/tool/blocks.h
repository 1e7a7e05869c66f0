// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <vector>

#include "catalog/store/store.h"

namespace glance::tool {

/// Image data move through the commands in pieces of this size; memory does not grow with images.
inline constexpr std::size_t kBlock = std::size_t{1024} * 1024;

using Bytes = std::span<const std::byte>;

/// Reads all of the blob. Errors: io, corrupt (it ends before its size).
void each_block(const BlobReader& reader,
                const std::function<void(std::uint64_t offset, Bytes block)>& take);

/// Cuts a block where zeros begin and end, in steps of 64 KiB, so that they can become holes.
void each_run(Bytes block, const std::function<void(Bytes run, bool zeros)>& take);

}  // namespace glance::tool
