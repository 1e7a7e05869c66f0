// SPDX-License-Identifier: Apache-2.0
#include "catalog/store/stores.h"

#include <algorithm>

#include <nlohmann/json.hpp>

namespace glance {

std::string store_id_of(const Location& location) {
  const auto metadata = nlohmann::json::parse(location.metadata, nullptr, false);
  if (!metadata.is_object()) return {};
  const auto store = metadata.find("store");
  return store != metadata.end() && store->is_string() ? store->get<std::string>() : std::string();
}

Store* Stores::find(const std::string& id) const noexcept {
  const auto found =
      std::ranges::find_if(stores_, [&](const auto& each) { return each->id() == id; });
  return found == stores_.end() ? nullptr : found->get();
}

Store& Stores::of(const std::string& url) const {
  const auto found = std::ranges::find_if(
      stores_, [&](const auto& each) { return each->canonical_url(url).has_value(); });
  // The default one says what is wrong with a location that is nobody's.
  return found == stores_.end() ? default_store() : **found;
}

std::unique_ptr<BlobReader> Stores::open(const Location& location) const {
  Store* named = find(store_id_of(location));
  return (named != nullptr ? *named : of(location.url)).open(location);
}

void Stores::remove(const std::string& url) const {
  of(url).remove(url);
}

void Stores::sync_removals() const {
  for (const auto& each : stores_) each->sync_removals();
}

void Stores::for_each(const std::function<void(const std::string& url)>& blob) const {
  for (const auto& each : stores_) each->for_each(blob);
}

std::optional<std::string> Stores::canonical_url(const std::string& url) const {
  for (const auto& each : stores_) {
    if (auto canonical = each->canonical_url(url)) return canonical;
  }
  return std::nullopt;
}

}  // namespace glance
