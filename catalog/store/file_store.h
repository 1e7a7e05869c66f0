// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include <sys/types.h>

#include "catalog/os/held_directory.h"
#include "catalog/store/store.h"

namespace glance {

/// Glance's filesystem store: a directory with one file per image, named by its id, owner and group
/// those of the directory. A spool on the same filesystem gets its place by a hard link, so that
/// nothing is copied, and nothing is ever replaced.
class FileStore final : public Store {
 public:
  // What Glance gives a file where its configuration says nothing.
  static constexpr mode_t kDefaultMode = 0640;

  /// `datadir` must outlive it. Errors: none; each call looks for the directory anew.
  FileStore(const HeldDirectory& datadir, std::string id, mode_t file_mode = kDefaultMode)
      : datadir_(datadir), id_(std::move(id)), file_mode_(file_mode) {}

  [[nodiscard]] const std::string& id() const noexcept override { return id_; }
  Location put(const Spool& spool, const Digests& digests) override;
  std::optional<Location> find(const ImageId& id, std::optional<std::uint64_t> size) override;
  bool holds(const ImageId& id) override;
  std::unique_ptr<BlobReader> open(const Location& location) override;
  void remove(const std::string& url) override;
  void sync_removals() override;
  void for_each(const std::function<void(const std::string& url)>& blob) override;
  [[nodiscard]] std::optional<std::string> canonical_url(const std::string& url) const override;
  std::optional<Space> space() override;

 private:
  [[nodiscard]] std::string url_of(const std::string& name) const;
  [[nodiscard]] Location location_of(const ImageId& id) const;
  [[nodiscard]] std::optional<std::string> find_name(const std::string& url) const;
  [[nodiscard]] std::string name_of(const std::string& url) const;
  [[nodiscard]] bool leads_here(const std::string& parent, const std::string& name) const;

  const HeldDirectory& datadir_;
  const std::string id_;
  const mode_t file_mode_;
};

}  // namespace glance
