// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "catalog/model/image_query.h"

namespace glance::api {

/// Adds what one parameter of `GET /v2/images` filters by to the query (docs/image-api.md,
/// "Lists"). Pure. A name that is no attribute's filters by a custom property. Throws HttpError
/// 400.
void add_list_filter(const std::string& name, const std::string& value, ImageQuery& query);

/// The values of an `in:` list: `a,"b,c",d`. Inside quotes a backslash takes the next character
/// as it stands. Throws HttpError 400 for quotes that are misplaced or not closed.
[[nodiscard]] std::vector<std::string> split_in_list(std::string_view list);

}  // namespace glance::api
