// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "catalog/database/upload_rows.h"
#include "catalog/image.h"
#include "catalog/store/store.h"

namespace glance {

/// The last steps of every upload, whether its own process takes them or recovery does.

/// Gives sealed data their place in the store, then turns the image active: rename, directory
/// fsync, one transaction (design § 7). Nothing if the image was deleted meanwhile; then the data
/// are removed. Errors: exists (the place in the store is taken), io, busy, no_space.
[[nodiscard]] std::optional<Image> publish_sealed(Database& database, BlobWriter& blob,
                                                  const ImageId& id);

/// Takes an unsealed upload back: its row goes, the image returns to `queued` or is deleted
/// (UploadOptions::owns_image), the data are removed. `blob` may be null. Does nothing to an
/// upload that turned out sealed or gone. True if it was taken back.
bool discard_upload(Database& database, BlobWriter* blob, const ImageId& id);

}  // namespace glance
