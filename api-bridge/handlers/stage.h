// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "api-bridge/wire/http.h"
#include "catalog/catalog.h"

namespace glance::api {

/// `PUT /v2/images/{image_id}/stage`: takes data for a later import (docs/image-api.md, "Data");
/// 204. The sink must not outlive the catalog. Throws HttpError: 404 (also where `glance-direct` is
/// not among the configured import methods), 409 not queued, 412 If-Match, 413 announced too large,
/// 415.
[[nodiscard]] std::unique_ptr<BodySink> stage_image_data(Catalog& catalog, const Request& request);

}  // namespace glance::api
