// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "catalog/model/image_edit.h"

namespace glance::api {

/// The value of an operation on `/locations/…`: `{"url": …, "metadata": {…}}` and perhaps
/// `"validation_data"` (docs/image-api.md, "Locations"). Pure. Throws HttpError 400 for what the
/// image schema refuses.
[[nodiscard]] NewLocation parse_location(const nlohmann::json& value);

/// The value of an operation that replaces `/locations`: a list of them.
[[nodiscard]] std::vector<NewLocation> parse_locations(const nlohmann::json& value);

}  // namespace glance::api
