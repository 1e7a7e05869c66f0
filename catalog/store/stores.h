// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "catalog/store/store.h"

namespace glance {

/// The stores of a catalog. The first one is the default: where new data go. A location belongs to
/// the store whose id its metadata tell, or else to the one in which its URL is a place.
///
/// Immutable after construction, safe for concurrent use. Errors: those of Store's calls.
class Stores {
 public:
  /// At least one, each with an id of its own.
  explicit Stores(std::vector<std::unique_ptr<Store>> stores) : stores_(std::move(stores)) {}

  [[nodiscard]] Store& default_store() const noexcept { return *stores_.front(); }

  /// Null if there is none of that id.
  [[nodiscard]] Store* find(const std::string& id) const noexcept;

  /// As the store's own. Error: also unsupported (nobody's location; names its scheme).
  [[nodiscard]] std::unique_ptr<BlobReader> open(const Location& location) const;
  void remove(const std::string& url) const;

  /// In all of them.
  void sync_removals() const;
  void for_each(const std::function<void(const std::string& url)>& blob) const;

  [[nodiscard]] std::optional<std::string> canonical_url(const std::string& url) const;

 private:
  [[nodiscard]] Store& of(const std::string& url) const;

  const std::vector<std::unique_ptr<Store>> stores_;
};

/// The id of the store that a location's metadata tell; empty if they tell none, as locations of
/// old do.
[[nodiscard]] std::string store_id_of(const Location& location);

}  // namespace glance
