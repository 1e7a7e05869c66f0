// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json_fwd.hpp>

namespace glance {
struct Config;
}

namespace glance::api {

/// The JSON schemas that clients build their command lines and models from (docs/image-api.md,
/// "Schemas", which says why `stores` is left out of the image's).
[[nodiscard]] nlohmann::ordered_json image_schema(const Config& config);
[[nodiscard]] nlohmann::ordered_json images_schema(const Config& config);
[[nodiscard]] nlohmann::ordered_json member_schema();
[[nodiscard]] nlohmann::ordered_json members_schema();

}  // namespace glance::api
