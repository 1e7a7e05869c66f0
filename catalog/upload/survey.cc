// SPDX-License-Identifier: Apache-2.0
#include "catalog/upload/survey.h"

#include <algorithm>

namespace glance {

void Survey::look() {
  for (const auto& url : unknown_places_) canonical_.emplace(url, stores_.canonical_url(url));
  for (const auto& [url, location] : unknown_data_) data_.emplace(url, look_at(location));
  unknown_places_.clear();
  unknown_data_.clear();
}

Survey::Data Survey::look_at(const Location& location) const {
  try {
    return {.size = stores_.open(location)->size(), .failure = std::nullopt};
  } catch (const Error& error) {
    return {.size = 0, .failure = error};
  }
}

void Survey::require_known(const std::string& url) {
  if (!canonical_.contains(url)) unknown_places_.insert(url);
}

std::optional<std::string> Survey::canonical_url(const std::string& url) {
  require_known(url);
  if (!unknown_places_.empty()) throw Unknown();
  return canonical_.at(url);
}

bool Survey::has_place(std::span<const std::string> urls, const std::string& url) {
  if (urls.empty()) return false;
  if (std::ranges::find(urls, url) != urls.end()) return true;
  // One look for all of them.
  for (const auto& each : urls) require_known(each);
  const auto place = canonical_url(url);
  return place && std::ranges::any_of(
                      urls, [&](const std::string& each) { return canonical_.at(each) == place; });
}

std::uint64_t Survey::size(const Location& location) {
  const auto found = data_.find(location.url);
  if (found == data_.end()) {
    unknown_data_.emplace(location.url, location);
    throw Unknown();
  }
  if (found->second.failure) throw *found->second.failure;
  return found->second.size;
}

}  // namespace glance
