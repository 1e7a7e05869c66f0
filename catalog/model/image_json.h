// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "catalog/model/caller.h"
#include "catalog/model/image.h"

namespace glance {

struct Config;

/// The image as the Image API's JSON object (docs/image-api.md, "Images"), as `caller` may know it:
/// what REST answers and what the xattr `user.glance.metadata` holds. `direct_url` and `locations`
/// appear as the configuration says; where the data of a closed image lie is for administrators to
/// know.
[[nodiscard]] std::string image_to_json(const Image& image, const Caller& caller,
                                        const Config& config);

}  // namespace glance
