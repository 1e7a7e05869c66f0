// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "api-bridge/wire/http.h"
#include "catalog/model/image_edit.h"

namespace glance::api {

/// The two patch languages of the Image API (docs/image-api.md, "Changing an image").
enum class PatchDialect {
  v2_0,  ///< {"add": "/name", "value": …}: `add` refuses what is there already
  v2_1,  ///< {"op": "add", "path": "/name", "value": …}: `add` overwrites
};

/// The value of the Accept-Patch header.
inline constexpr std::string_view kAcceptPatch =
    "application/openstack-images-v2.0-json-patch, application/openstack-images-v2.1-json-patch";

/// The dialect that a Content-Type names, whatever parameters it has.
/// Throws HttpError 415 with an Accept-Patch header for any other type.
[[nodiscard]] PatchDialect patch_dialect(std::string_view content_type);

/// Whether the image shows the attribute with exactly this value.
using IsShown = std::function<bool(const std::string& name, const nlohmann::json& value)>;

/// The body of `PATCH /v2/images/{id}` as edits for Catalog::patch(). Throws HttpError: 400 for
/// what is no patch, a pointer that leads nowhere, a value of the wrong type; 403 for attributes
/// that are read-only or reserved. To set a read-only one to what `is_shown` (asked for such ones
/// only) knows it is already changes nothing, and gives no edit.
[[nodiscard]] std::vector<ImageEdit> parse_patch(std::string_view body, PatchDialect dialect,
                                                 const IsShown& is_shown = {},
                                                 std::size_t max_depth = kJsonDepth);

}  // namespace glance::api
