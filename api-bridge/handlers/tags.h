// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "api-bridge/wire/http.h"
#include "catalog/catalog.h"

namespace glance::api {

/// `PUT /v2/images/{image_id}/tags/{tag}`: 204, whether the image had the tag or not (contract
/// § 1.7). Throws Error as Catalog::add_tag().
[[nodiscard]] Response add_tag(Catalog& catalog, const Request& request);

/// `DELETE /v2/images/{image_id}/tags/{tag}`: 204, or 404 if the image has no such tag.
[[nodiscard]] Response delete_tag(Catalog& catalog, const Request& request);

}  // namespace glance::api
