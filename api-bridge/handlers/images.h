// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "api-bridge/wire/http.h"
#include "catalog/catalog.h"

namespace glance::api {

/// `GET /v2/images`: a page of images with links to the first and the next page (docs/image-api.md,
/// "Lists").
[[nodiscard]] Response list_images(Catalog& catalog, const Request& request);

/// `POST /v2/images`: 201 and the new image.
[[nodiscard]] Response create_image(Catalog& catalog, const Request& request);

/// `GET /v2/images/{image_id}`.
[[nodiscard]] Response show_image(Catalog& catalog, const Request& request);

/// `PATCH /v2/images/{image_id}`: all edits or none; 200 and the image as it is then.
/// Error: unmet (If-Match), as in delete_image().
[[nodiscard]] Response update_image(Catalog& catalog, const Request& request);

/// `DELETE /v2/images/{image_id}`: 204.
[[nodiscard]] Response delete_image(Catalog& catalog, const Request& request);

/// The id that the route's `image_id` is. Throws HttpError 404 for a text that is none: it names no
/// image.
[[nodiscard]] ImageId requested_id(const Request& request);

/// The image that the route's `image_id` names. Throws HttpError 404, in Glance's words, if there
/// is none that the caller may know of.
[[nodiscard]] Image find_image(Catalog& catalog, const Request& request);

}  // namespace glance::api
