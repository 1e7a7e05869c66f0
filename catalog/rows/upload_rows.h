// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "catalog/database/database.h"
#include "catalog/model/digests.h"
#include "catalog/model/image.h"
#include "catalog/model/upload_options.h"

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
  std::optional<std::string> instance;  ///< who began it; rows from before there were any lack it
  bool owns_image = false;
  bool detect_format = false;
  std::optional<std::uint64_t> closed_size;  ///< bytes; acknowledged, but not digested yet
  std::optional<SealedData> sealed;
  std::optional<Replacement> replaces;

  /// Nobody was told that the data are there.
  [[nodiscard]] bool is_open() const noexcept { return !closed_size && !sealed; }
};

void insert_upload(Session& sql, const ImageId& id, const UploadOptions& options,
                   const std::string& instance, Timestamp when);

// What the close() of a writer leaves behind, or takes back. False if the row is gone: the image
// was deleted or the upload discarded.
[[nodiscard]] bool seal_upload(Session& sql, const ImageId& id, const SealedData& data,
                               Timestamp when);
[[nodiscard]] bool close_upload(Session& sql, const ImageId& id, std::uint64_t size,
                                Timestamp when);
[[nodiscard]] bool reopen_upload(Session& sql, const ImageId& id, Timestamp when);

/// False if there was none.
bool delete_upload(Session& sql, const ImageId& id);

[[nodiscard]] std::optional<UploadRow> select_upload(Session& sql, const ImageId& id);

/// Images with uploads, whoever began them.
[[nodiscard]] std::vector<ImageId> select_uploads(Session& sql);

/// When the upload was sealed; nothing if it is not.
[[nodiscard]] std::optional<Timestamp> sealed_at(Session& sql, const ImageId& id);

/// What the image's data are announced to be; it goes when the image is active or deleted.
[[nodiscard]] Expectation select_expectation(Session& sql, const ImageId& id);
void upsert_expectation(Session& sql, const ImageId& id, const Expectation& expected);

}  // namespace glance::rows
