// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "catalog/database/database.h"
#include "catalog/model/image.h"
#include "catalog/model/image_draft.h"
#include "catalog/model/upload_options.h"

/// How an image, the heir, takes the place of another one: at once, or when its data are whole.
///
/// Rows of glancefs_replacements are for the latter. The heir of an overwritten image has a
/// temporary name until then. One that was renamed over another image has the name already: on the
/// mount the old one is hidden as long as the row is there, through REST the heir. A row goes away
/// with the heir, with its upload, and when the heir, or an image that it was renamed over, gets
/// another name (triggers, schema.cc): then the old image has its place again.
///
/// Every function works inside the caller's transaction.
namespace glance::rows {

void insert_replacement(Session& sql, const ImageId& heir, const Replacement& replacement);

[[nodiscard]] std::optional<Replacement> select_replacement(Session& sql, const ImageId& heir);

/// Lets `heir` take `old`'s place in the order of names, and deletes or hides `old`, which stays
/// as it is if it is protected. Who waited to replace `old` will replace the heir.
void replace_image(Session& sql, const Image& old, const ImageId& heir, Replaced how,
                   Timestamp when);

/// The heir, which has its new name, takes `old`'s place in the order; `old` is replaced when the
/// heir's upload is published.
void defer_replacement(Session& sql, const Image& old, const Image& heir, Replaced how);

/// The heir will not be whole: `old` has its place again, before the heir if that stays.
void cancel_replacement(Session& sql, const ImageId& heir);

}  // namespace glance::rows
