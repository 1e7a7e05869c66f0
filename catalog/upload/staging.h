// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>

#include "catalog/model/image.h"
#include "catalog/os/held_directory.h"
#include "catalog/os/trusted_path.h"
#include "catalog/spool/spool_area.h"

namespace glance {

class Database;
class InstanceWatch;

/// The staging area: where a real Glance too looks for data that were uploaded to be imported
/// later, in files that bear the images' ids. The directory is made when something is staged. One
/// that strangers can write to, or have led us to, is refused.
///
/// Immutable, safe for concurrent use. Errors of all calls: unavailable (also: a directory that is
/// not to be trusted, named with what is allowed), no_space, read_only, io.
class Staging {
 public:
  /// `trust`: who else may own the directory, beside root and ourselves.
  Staging(const std::filesystem::path& directory, std::function<Trust()> trust,
          const Disk& disk = Disk::kernel());

  /// Makes the directory where it is missing.
  void make() const;

  /// Begins to stage data for an image. Error: also conflict (somebody else is at it).
  [[nodiscard]] std::unique_ptr<Spool> create(const ImageId& id) const;

  /// Puts the synced bytes in their place, durably, and takes them out of the spool. Error: also
  /// exists (something else is there).
  void keep(Spool& spool) const;

  /// Whether data wait there for the image's import.
  [[nodiscard]] bool has(const ImageId& id) const;

  [[nodiscard]] const std::filesystem::path& directory() const noexcept { return home_.path(); }

  /// Nothing if nothing was staged yet.
  [[nodiscard]] DirectoryPtr find() const { return home_.find(); }

  /// Where data are that are still coming.
  [[nodiscard]] const SpoolArea& spools() const noexcept { return spools_; }

  /// Removes what is staged for an image; nothing is success. Never throws.
  void remove(const ImageId& id) const noexcept;

 private:
  const std::function<Trust()> trust_;
  const HeldDirectory home_;
  const SpoolArea spools_;
};

/// Goes through what dead processes left in the staging area: data that were all there are put in
/// their place, others are removed and their images return to `queued`, also if somebody else has
/// removed them; and so are data of deleted images. Uploads whose writer lives are left alone,
/// those of which it cannot be told yet (returns how many those are), and what belongs to no image
/// of this catalog. One image that fails does not keep the others from recovery: it is logged and
/// stays. Never throws.
std::size_t recover_staging(Database& database, const Staging& staging,
                            InstanceWatch& watch) noexcept;

}  // namespace glance
