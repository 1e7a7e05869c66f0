// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "catalog/database/database.h"
#include "catalog/model/image.h"

/// Rows of glancefs_progress: how much there is of an image that is being filled, for listings to
/// show. They go by themselves when it has its size, or is not to be filled any more.
namespace glance::rows {

/// Does nothing to an image that has its size or is not being filled any more.
void record_progress(Session& sql, const ImageId& id, std::uint64_t size);

}  // namespace glance::rows
