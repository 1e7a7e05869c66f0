// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "catalog/store/store.h"

namespace glance {

/// Glance's filesystem store: a directory with one file per image, named by its id, mode 0640,
/// owner and group those of the directory. Uploads grow in `.uploads/` below it, each locked with
/// flock(2) by its writer, and are renamed into place.
class FileStore final : public Store {
 public:
  /// `store_id` is what locations' metadata call the store. With `create` a missing directory is
  /// made. Errors: not_found, invalid (no directory), read_only, io.
  FileStore(const std::filesystem::path& datadir, std::string store_id, bool create);

  std::unique_ptr<BlobWriter> create(const ImageId& id) override;
  BlobClaim claim(const ImageId& id) override;
  [[nodiscard]] std::vector<ImageId> unfinished() const override;
  [[nodiscard]] std::vector<std::string> blobs() const override;
  [[nodiscard]] std::optional<std::string> canonical_url(const std::string& url) const override;
  std::unique_ptr<BlobReader> open(const Location& location) override;
  void remove(const std::string& url) override;
  void sync_removals() override;
  [[nodiscard]] Space space() const override;

 private:
  [[nodiscard]] std::filesystem::path spool_path(const ImageId& id) const;
  void require_no_data(const ImageId& id, const std::filesystem::path& spool, int fd) const;
  [[nodiscard]] std::filesystem::path final_path(const ImageId& id) const;
  [[nodiscard]] Location location_of(const ImageId& id) const;
  [[nodiscard]] std::optional<std::filesystem::path> find_path(const std::string& url) const;
  [[nodiscard]] std::filesystem::path path_in_datadir(const std::string& url) const;

  const std::filesystem::path datadir_;
  const std::string store_id_;
};

}  // namespace glance
