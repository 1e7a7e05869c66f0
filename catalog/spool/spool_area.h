// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <vector>

#include "catalog/model/image_id.h"
#include "catalog/os/held_directory.h"
#include "catalog/spool/spool.h"

namespace glance {

/// The images whose ids are names in the directory, in no order. Errors: Directory's.
[[nodiscard]] std::vector<ImageId> images_in(const Directory& directory);

/// What is left of an upload whose writer may have died.
struct SpoolClaim {
  bool alive = false;            ///< its writer still holds the lock
  std::unique_ptr<Spool> spool;  ///< the bytes, now locked by us; null if alive or gone
};

/// Where spools lie: the directory `.uploads` in one that is held, with a file per image, named by
/// its id and locked by its writer. It is made when it is needed, mode 0750.
///
/// Safe for concurrent use. Errors of all calls: unavailable, no_space, read_only, io.
class SpoolArea {
 public:
  /// `parent` must outlive it.
  explicit SpoolArea(const HeldDirectory& parent) : parent_(parent) {}

  /// Locks the image's place for new bytes. It still holds what a dead writer left there: who
  /// turns out to own the image truncates it. Error: also conflict, if another writer lives.
  [[nodiscard]] std::unique_ptr<Spool> create(const ImageId& id) const;

  /// Takes over the spool of a dead writer.
  [[nodiscard]] SpoolClaim claim(const ImageId& id) const;

  /// Images with bytes here, whoever writes them.
  [[nodiscard]] std::vector<ImageId> unfinished() const;

 private:
  const HeldDirectory& parent_;
};

}  // namespace glance
