// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "catalog/database/database.h"
#include "catalog/image.h"
#include "catalog/upload/upload.h"

/// Rows of glancefs_uploads: what must be known of an upload when its process is gone.
namespace glance::rows {

/// What seal() found out and publish() records.
struct SealedData {
  std::uint64_t size = 0;
  Digests digests;
  std::optional<std::string> disk_format;       ///< only if found out here
  std::optional<std::string> container_format;  ///< likewise
  std::optional<std::uint64_t> virtual_size;

  friend bool operator==(const SealedData&, const SealedData&) = default;
};

struct UploadRow {
  ImageId id;
  bool owns_image = false;
  std::optional<SealedData> sealed;  ///< nothing while open
};

void insert_upload(Session& sql, const ImageId& id, const UploadOptions& options, Timestamp when);

/// Records the seal, or with nothing takes it back. False if the row is gone: the image was
/// deleted or the upload discarded.
[[nodiscard]] bool update_upload(Session& sql, const ImageId& id,
                                 const std::optional<SealedData>& sealed, Timestamp when);

/// False if there was none.
bool delete_upload(Session& sql, const ImageId& id);

[[nodiscard]] std::optional<UploadRow> select_upload(Session& sql, const ImageId& id);

/// Images with uploads that this host's processes began.
[[nodiscard]] std::vector<ImageId> select_uploads_of_this_host(Session& sql);

/// When the upload was sealed; nothing if it is not.
[[nodiscard]] std::optional<Timestamp> sealed_at(Session& sql, const ImageId& id);

}  // namespace glance::rows
