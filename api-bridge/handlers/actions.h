// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "api-bridge/wire/http.h"
#include "catalog/catalog.h"

namespace glance::api {

/// `POST /v2/images/{image_id}/actions/deactivate`: closes the image's data to all but
/// administrators; 204, also if they are closed already (docs/image-api.md, "Deactivation").
[[nodiscard]] Response deactivate_image(Catalog& catalog, const Request& request);

/// `POST /v2/images/{image_id}/actions/reactivate`: opens them again; 204.
[[nodiscard]] Response reactivate_image(Catalog& catalog, const Request& request);

}  // namespace glance::api
