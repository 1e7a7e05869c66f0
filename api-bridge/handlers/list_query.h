// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "api-bridge/wire/http.h"
#include "catalog/model/image_query.h"

namespace glance {
struct Config;
}

namespace glance::api {

/// The parameters of `GET /v2/images` as a query (docs/image-api.md, "Lists"). Pure. The limit is
/// always set: the configured default where none is asked for, and never above the configured
/// maximum. Throws HttpError 400 for what Glance refuses, and where Glance fails.
[[nodiscard]] ImageQuery parse_list_query(const Query& parameters, const Config& config);

/// The link to the first page: the request's own parameters, all of them, without the marker.
[[nodiscard]] std::string first_page_link(const Query& parameters);

/// The link to the page after the image `last`.
[[nodiscard]] std::string next_page_link(const Query& parameters, const ImageId& last);

}  // namespace glance::api
