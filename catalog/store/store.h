// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "catalog/model/blob_reader.h"
#include "catalog/model/digests.h"
#include "catalog/model/image_id.h"
#include "catalog/model/location.h"
#include "catalog/spool/spool.h"

namespace glance {

/// A store's room, in bytes.
struct Space {
  std::uint64_t total = 0;
  std::uint64_t free = 0;
  std::uint64_t available = 0;  ///< to us
};

/// Where image data live for good. It may be on this machine or on another one: every call may
/// take minutes, fail and be repeated, and nothing that others wait for (a transaction, an
/// upload's lock) is held across one.
///
/// Safe for concurrent use. Errors of all calls: unavailable (the store cannot be reached, or is
/// not the one that the catalog knows), io.
class Store {
 public:
  virtual ~Store() = default;

  /// What configuration, locations' metadata and clients call it.
  [[nodiscard]] virtual const std::string& id() const noexcept = 0;

  /// Brings the synced bytes of `spool` to the image's place, durably, and returns its location.
  /// The spool keeps its bytes. May be repeated, by another process too: what is there already by
  /// an earlier call for these bytes is taken for done. Never replaces anything else: exists.
  /// `digests` are those of the bytes, for stores that verify or name by them. Errors: also
  /// no_space, over_quota, read_only.
  [[nodiscard]] virtual Location put(const Spool& spool, const Digests& digests) = 0;

  /// The image's place, if there are data in it: `size` bytes, or with nothing any.
  [[nodiscard]] virtual std::optional<Location> find(const ImageId& id,
                                                     std::optional<std::uint64_t> size) = 0;

  /// Whether anything is in the image's place: nothing could be put there.
  [[nodiscard]] virtual bool holds(const ImageId& id) = 0;

  /// Errors: also not_found (no data there), unsupported (not this store's location).
  [[nodiscard]] virtual std::unique_ptr<BlobReader> open(const Location& location) = 0;

  /// Absent is success. A power cut may bring the data back until sync_removals(). Error: also
  /// unsupported.
  virtual void remove(const std::string& url) = 0;

  /// What has been removed stays removed.
  virtual void sync_removals() = 0;

  /// Calls `blob(url)` for all data in their places, in no order; whose they are is not known here.
  virtual void for_each(const std::function<void(const std::string& url)>& blob) = 0;

  /// The URL as for_each() has it; nothing if it is not a place in this store. Looks at the store's
  /// directory, not at the data.
  [[nodiscard]] virtual std::optional<std::string> canonical_url(const std::string& url) const = 0;

  /// Nothing where the store cannot tell.
  [[nodiscard]] virtual std::optional<Space> space() = 0;
};

}  // namespace glance
