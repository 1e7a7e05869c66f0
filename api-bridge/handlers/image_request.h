// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string_view>

#include "api-bridge/wire/http.h"
#include "catalog/model/image.h"
#include "catalog/model/image_draft.h"

namespace glance::api {

/// Whether an image shows the attribute, and only the server sets it.
[[nodiscard]] bool is_read_only(std::string_view name);

/// Throws HttpError 403 if no user may ever change the attribute (docs/image-api.md, "Images").
void refuse_unsettable(std::string_view name);

/// The body of `POST /v2/images` as a draft (docs/image-api.md, "Images"). Pure. Keys that are no
/// core attribute become custom properties; os_hash_algo and os_hash_value are ignored, as Glance
/// does, and so is what every new image shows (`"status": "queued"`, `"size": null`, …). Throws
/// HttpError: 400 for malformed JSON and values of the wrong type, 403 for keys that are read-only
/// or reserved. Formats, lengths and quotas are checked by Catalog::add().
[[nodiscard]] ImageDraft parse_image_draft(std::string_view body,
                                           std::size_t max_depth = kJsonDepth);

}  // namespace glance::api
