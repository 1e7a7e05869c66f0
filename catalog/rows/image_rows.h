// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "catalog/database/database.h"
#include "catalog/model/image.h"
#include "catalog/model/image_draft.h"
#include "catalog/model/image_query.h"
#include "catalog/rows/image_select.h"

/// Rows of Glance's tables ↔ Image. Every function works inside the caller's transaction and
/// leaves rows as Glance itself would (soft deletion, revived properties, timestamps as text).
namespace glance::rows {

/// The image with that id, unless it is deleted.
[[nodiscard]] std::optional<Image> select_image(Session& sql, const ImageId& id);

/// Whether the id is taken, deleted images included: ids are never used again.
[[nodiscard]] bool id_exists(Session& sql, const ImageId& id);

/// The images that `text` selects (its columns must be kImageColumns), in its order, whole.
[[nodiscard]] std::vector<Image> select_images(Session& sql, const std::string& text,
                                               std::span<const std::string> bindings);

/// Of the leads that leave few candidates the one with the fewest; nothing if none does.
[[nodiscard]] std::optional<Lead> best_lead(Session& sql, std::vector<Lead> leads);

/// A page: what the SELECTs give one after another, `limit` images at most, and no more than have
/// `max_bytes` of properties, tags and locations; the first one in any case.
[[nodiscard]] ImagePage select_page(Session& sql, std::span<const ImageSelect> selects,
                                    std::optional<std::uint32_t> limit, std::uint64_t max_bytes);

/// The first row that `text` selects, as `columns` texts, NULL as nothing; empty if there is none.
[[nodiscard]] std::vector<std::optional<std::string>> select_texts(
    Session& sql, const std::string& text, std::span<const std::string> bindings,
    std::size_t columns);

/// The columns of table images that make an Image, in the order in which they are read.
extern const char* const kImageColumns;

void insert_image(Session& sql, const Image& image);

/// Shows the image to callers who see temporaries only, see ImageDraft.
void insert_temporary(Session& sql, const ImageId& id);

/// Writes what differs between the two states, locations too, and `after.updated_at`. URLs that are
/// no longer there are noted in glancefs_garbage: their data are the store's to remove.
void update_image(Session& sql, const Image& before, const Image& after);

/// Soft deletion of the image and all that belongs to it. The data are the store's to remove:
/// their URLs are noted in glancefs_garbage, where recovery finds them if we die.
void delete_image(Session& sql, const Image& image, Timestamp when);

/// The compare-and-swap of the state machine: false if the image is not in `from`.
[[nodiscard]] bool move_status(Session& sql, const ImageId& id, ImageStatus from, ImageStatus to,
                               Timestamp when);

/// An uploading image gets the size of its staged data; nothing if it no longer waits for them.
[[nodiscard]] std::optional<Image> set_staged_size(Session& sql, const ImageId& id,
                                                   std::uint64_t size, Timestamp when);

/// An uploading image waits for data again; any other stays as it is.
void return_to_queued(Session& sql, const ImageId& id, Timestamp when);

}  // namespace glance::rows
