// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "api-bridge/wire/http.h"
#include "catalog/model/attributes.h"

namespace glance::api {

/// Parses a request's body, which must be a JSON object or array.
/// Throws HttpError 400: no body, malformed JSON, invalid UTF-8, a NUL character, a key twice in
/// one object, nesting deeper than `max_depth`.
[[nodiscard]] nlohmann::json parse_json_body(std::string_view body,
                                             std::size_t max_depth = kJsonDepth);

/// A JSON value as the value of the image attribute `name`: of the type that Glance's image
/// schema demands of a core attribute, a string for a custom property. What the type alone does
/// not decide (lengths, lists of formats, …) is the catalog's to check.
/// Throws HttpError 400 "Provided object does not match schema 'image': …".
[[nodiscard]] AttributeValue attribute_value(std::string_view name, const nlohmann::json& value);

}  // namespace glance::api
