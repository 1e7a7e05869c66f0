// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>

#include "catalog/model/image.h"
#include "catalog/rows/upload_rows.h"
#include "catalog/store/stores.h"

namespace glance {

/// The last steps of every upload, whether its own process takes them or recovery does.

/// Data that a store has at `location` become the image's: one transaction turns it active
/// (docs/architecture.md, "The way of a byte"), in which it also takes the place of the image that
/// it replaces. Then the spool, which may be null, is emptied of them. Nothing if the image was
/// deleted meanwhile; then the data are removed. Errors: io, busy, no_space.
[[nodiscard]] std::optional<Image> record_publication(Database& database, const Stores& stores,
                                                      Spool* spool, const ImageId& id,
                                                      const Location& location);

/// Removes the data at locations that are no longer the image's, and are noted as garbage; what
/// fails is logged and recovery's to try again. Never throws.
void remove_data(Database& database, const Stores& stores, const ImageId& id,
                 std::span<const Location> locations) noexcept;

/// Gives the room of bytes back that are of no use any more: where the disk is full, the database
/// needs it for what follows. Never throws.
void empty(Spool& spool) noexcept;

/// Takes an open upload back: its row goes, the image returns to `queued` or is deleted
/// (UploadOptions::owns_image), the data are removed. `spool`, whose lock is held, may be null.
/// Does nothing to an upload that turned out closed, sealed or gone. True if it was taken back.
bool discard_upload(Database& database, Spool* spool, const ImageId& id);

}  // namespace glance
