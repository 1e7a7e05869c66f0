// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "api-bridge/wire/http.h"
#include "catalog/catalog.h"

namespace glance::api {

/// `PUT /v2/images/{image_id}/file` (docs/image-api.md, "Data"): begins the upload and takes the
/// data. The sink must not outlive the catalog, and the image turns active only with the size and
/// digests that the request announced. Throws HttpError: 400 formats not set or malformed digests,
/// 404, 409 not queued, 412 If-Match, 413 announced too large, 415.
[[nodiscard]] std::unique_ptr<BodySink> upload_image_data(Catalog& catalog, const Request& request);

/// `GET` and `HEAD /v2/images/{image_id}/file`: all of the data, one range of them, 304 if the
/// client has them, or 204 if there are none yet.
[[nodiscard]] Response download_image_data(Catalog& catalog, const Request& request);

}  // namespace glance::api
