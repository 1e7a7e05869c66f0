// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>

#include "catalog/model/image.h"
#include "catalog/rows/upload_rows.h"
#include "catalog/store/store.h"

namespace glance {

/// The last steps of every upload, whether its own process takes them or recovery does.

/// Gives sealed data their place in the store, then turns the image active: rename, directory
/// fsync, one transaction (docs/architecture.md, "The way of a byte"), in which it also takes the
/// place of the image that it replaces. Nothing if the image was deleted meanwhile; then the data
/// are removed. Errors: exists (the place in the store is taken), io, busy, no_space.
[[nodiscard]] std::optional<Image> publish_sealed(Database& database, Store& store,
                                                  BlobWriter& blob, const ImageId& id);

/// Removes the data at locations that are no longer the image's, and are noted as garbage; what
/// fails is logged and recovery's to try again. Never throws.
void remove_data(Database& database, Store& store, const ImageId& id,
                 std::span<const Location> locations) noexcept;

/// Gives the room of bytes back that are of no use any more: where the disk is full, the database
/// needs it for what follows. Never throws.
void empty(BlobWriter& blob) noexcept;

/// Takes an open upload back: its row goes, the image returns to `queued` or is deleted
/// (UploadOptions::owns_image), the data are removed. `blob`, whose lock is held, may be null. Does
/// nothing to an upload that turned out closed, sealed or gone. True if it was taken back.
bool discard_upload(Database& database, BlobWriter* blob, const ImageId& id);

}  // namespace glance
