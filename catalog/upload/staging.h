// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "catalog/model/image.h"
#include "catalog/store/file_store.h"

namespace glance {

class Database;

/// The staging area: where a real Glance too looks for data that were uploaded to be imported
/// later, in files that bear the images' ids. The directory is made when something is staged.
/// Immutable, safe for concurrent use.
class Staging {
 public:
  explicit Staging(std::filesystem::path directory) : directory_(std::move(directory)) {}

  /// The directory as a store. Errors: read_only, io.
  [[nodiscard]] FileStore open() const;

  [[nodiscard]] bool exists() const;

  /// Whether data wait there for the image's import.
  [[nodiscard]] bool has(const ImageId& id) const;

  [[nodiscard]] const std::filesystem::path& directory() const noexcept { return directory_; }

  /// Removes what is staged for an image; nothing is success. Never throws.
  void remove(const ImageId& id) const noexcept;

 private:
  const std::filesystem::path directory_;
};

/// Goes through what dead processes left in the staging area: data that were all there are put in
/// their place, others are removed and their images return to `queued`, and so are data of deleted
/// images. Uploads whose writer lives are left alone. One image that fails does not keep the
/// others from recovery: it is logged and stays. Never throws.
void recover_staging(Database& database, const Staging& staging) noexcept;

}  // namespace glance
