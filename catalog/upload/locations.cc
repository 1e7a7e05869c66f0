// SPDX-License-Identifier: Apache-2.0
#include "catalog/upload/locations.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <limits>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "catalog/config/config.h"
#include "catalog/model/stored_text.h"
#include "catalog/rows/image_rows.h"
#include "catalog/text/ascii.h"
#include "catalog/text/hex.h"
#include "catalog/upload/digester.h"
#include "catalog/upload/examination.h"
#include "catalog/upload/garbage.h"

namespace glance::locations {

namespace {

Error invalid_location() {
  return {Errc::invalid, "Invalid location"};
}

void require_storable(const Location& location) {
  const auto refuse = [](std::string_view key, std::string_view fault) {
    throw Error(Errc::invalid,
                fmt::format("Provided object does not match schema 'image': '{}' of a location {}",
                            key, fault));
  };
  // Shorter than its column, as Glance's schema has it.
  if (const auto fault = fault_of_short_text(location.url)) refuse("url", *fault);
  if (const auto fault = fault_of_long_text(location.metadata)) refuse("metadata", *fault);
  const auto metadata = nlohmann::json::parse(location.metadata, nullptr, false);
  if (!metadata.is_object()) refuse("metadata", "is no JSON object");
}

Error conflict(const std::string& what) {
  return {Errc::conflict, what};
}

std::string_view verb_of(LocationEdit::Kind kind) {
  switch (kind) {
    case LocationEdit::Kind::add:
      return "add";
    case LocationEdit::Kind::remove:
      return "remove";
    case LocationEdit::Kind::replace:
      return "replace";
  }
  return "";
}

void require_status(const LocationEdit& edit, const Image& image) {
  const bool fits =
      image.status == ImageStatus::active ||
      (image.status == ImageStatus::queued && edit.kind != LocationEdit::Kind::remove);
  if (fits) return;
  throw conflict(fmt::format("It's not allowed to {} locations if image status is {}.",
                             verb_of(edit.kind), to_string(image.status)));
}

/// A number from 0, saturated; nothing for any other text.
std::optional<std::size_t> parse_index(std::string_view text) {
  if (text.empty() || text.find_first_not_of("0123456789") != std::string_view::npos) {
    return std::nullopt;
  }
  auto index = std::numeric_limits<std::size_t>::max();
  std::from_chars(text.begin(), text.end(), index);
  return index;
}

/// Where a location is to be put in: at the end, whatever lies beyond it.
std::size_t place_to_add(const LocationEdit& edit, std::size_t count) {
  if (edit.position == "-") return count;
  const auto index = parse_index(edit.position);
  if (!index) throw Error(Errc::invalid, "Invalid position for adding a location.");
  return std::min(*index, count);
}

std::size_t place_to_remove(const LocationEdit& edit, std::size_t count) {
  const auto index = edit.position == "-" ? count - 1 : parse_index(edit.position).value_or(count);
  if (index >= count) throw Error(Errc::invalid, "Invalid position for removing a location.");
  return index;
}

// ── validation data ───────────────────────────────────────────────────────────────────────────

/// Whether `given` is news; a contradiction to what is known is a conflict.
bool is_new(std::string_view key, const std::string& given,
            const std::optional<std::string>& known) {
  if (!known) return true;
  if (*known == given) return false;
  throw conflict(fmt::format("{} is already set with a different value", key));
}

std::string lower_hex(std::string_view key, std::string_view text, const std::string& algorithm) {
  if (!is_hex(text, text.size())) {
    throw conflict(fmt::format("{} ({}) is not a valid hexadecimal value", key, text));
  }
  const auto digits = digest_digits(algorithm);
  if (text.size() != digits) {
    throw conflict(fmt::format("{} ({}) is not the correct size for {} (should be {} bytes)", key,
                               text, algorithm, digits / 2));
  }
  return lower_case(text);
}

void take_validation(const ValidationData& data, const Config& config, Image& image) {
  const bool new_checksum = data.checksum && is_new("checksum", *data.checksum, image.checksum);
  const bool new_algo = is_new("os_hash_algo", data.os_hash_algo, image.os_hash_algo);
  const bool new_value = is_new("os_hash_value", data.os_hash_value, image.os_hash_value);
  if (!new_checksum && !new_algo && !new_value) return;
  if (image.status != ImageStatus::queued) {
    throw conflict("New digests may only be provided when image status is 'queued'");
  }
  if (data.os_hash_algo != config.hashing_algorithm) {
    throw conflict(fmt::format("os_hash_algo must be {}, not {}", config.hashing_algorithm,
                               data.os_hash_algo));
  }
  if (data.checksum) image.checksum = lower_hex("checksum", *data.checksum, "md5");
  image.os_hash_value = lower_hex("os_hash_value", data.os_hash_value, data.os_hash_algo);
  image.os_hash_algo = data.os_hash_algo;
}

// ── the data ──────────────────────────────────────────────────────────────────────────────────

/// Whether the file is this image's to have: no other image's, and not on its way out.
bool is_free(Session& sql, Survey& survey, const std::string& url, const Image& image) {
  const auto file_name = std::filesystem::path(url).filename().string();
  const auto owner = ImageId::parse(file_name);
  if (owner && *owner != image.id && rows::id_exists(sql, *owner)) return false;
  return !is_location(sql, survey, url) && !is_garbage(sql, survey, url);
}

/// The size of the data that the caller may register for the image.
std::uint64_t examined_size(Session& sql, const Caller& caller, const NewLocation& added,
                            Survey& survey, const Image& image) {
  const auto& url = added.location.url;
  if (!caller.is_admin || !is_free(sql, survey, url, image)) throw invalid_location();
  try {
    const auto size = survey.size(added.location);
    const bool fits = size > 0 && image.size.value_or(size) == size;
    if (!fits) throw invalid_location();
    return size;
  } catch (const Error&) {
    // What else lies on this machine is nobody's to find out.
    throw invalid_location();
  }
}

void require_quota(std::size_t attempted, std::int64_t quota) {
  if (quota < 0 || std::cmp_less_equal(attempted, quota)) return;
  throw Error(Errc::over_quota,
              fmt::format("The limit has been exceeded on the number of allowed image locations. "
                          "Attempted: {}, Maximum: {}",
                          attempted, quota));
}

Error repetition(const Location& location) {
  return {Errc::invalid, fmt::format("The location {} already exists", location.url)};
}

void activate(Image& image) {
  if (image.status != ImageStatus::queued) return;
  require_formats(image);
  image.status = ImageStatus::active;
}

/// With the store's spelling of its place, so that one file is one location, and the store's id,
/// where stores have ids and the caller has not said it.
NewLocation completed(NewLocation added, const Config& config, Survey& survey) {
  auto& url = added.location.url;
  url = survey.canonical_url(url).value_or(url);
  auto metadata = nlohmann::ordered_json::parse(added.location.metadata, nullptr, false);
  if (config.enabled_backends && metadata.is_object() && !metadata.contains("store")) {
    metadata["store"] = config.store_id;
    added.location.metadata = metadata.dump();
  }
  return added;
}

std::vector<std::string> urls_of(const Image& image) {
  std::vector<std::string> urls;
  for (const auto& each : image.locations) urls.push_back(each.url);
  return urls;
}

void add(Session& sql, const Caller& caller, const LocationEdit& edit, const Config& config,
         Survey& survey, Image& image) {
  const auto added = completed(edit.locations.front(), config, survey);
  if (added.validation) take_validation(*added.validation, config, image);
  const auto position = place_to_add(edit, image.locations.size());
  if (survey.has_place(urls_of(image), added.location.url)) throw repetition(added.location);
  require_quota(image.locations.size() + 1, config.limits.image_location_quota);
  image.size = examined_size(sql, caller, added, survey, image);
  image.locations.insert(image.locations.begin() + static_cast<std::ptrdiff_t>(position),
                         added.location);
  activate(image);
}

/// Data that nobody could remove would stay for ever.
void require_ours(const Location& location, Survey& survey) {
  try {
    (void)survey.size(location);
  } catch (const Error& error) {
    if (error.code() != Errc::unsupported) return;
    throw conflict("The location lies in a store that this server does not have.");
  }
}

void remove(const Caller& caller, const LocationEdit& edit, Survey& survey, Image& image) {
  if (!caller.is_admin) {
    throw Error(Errc::forbidden,
                "You are not authorized to complete delete_image_location action.");
  }
  if (image.locations.size() == 1) {
    throw Error(Errc::forbidden, "Cannot remove last location in the image.");
  }
  const auto place = image.locations.begin() +
                     static_cast<std::ptrdiff_t>(place_to_remove(edit, image.locations.size()));
  require_ours(*place, survey);
  image.locations.erase(place);
}

void replace(Session& sql, const Caller& caller, const LocationEdit& edit, const Config& config,
             Survey& survey, Image& image) {
  if (edit.locations.empty()) {
    throw Error(Errc::forbidden, "Cannot set locations to empty list.");
  }
  std::multiset<std::string> old_urls;
  std::multiset<std::string> new_urls;
  std::vector<NewLocation> wanted;
  for (const auto& each : image.locations) {
    old_urls.insert(survey.canonical_url(each.url).value_or(each.url));
  }
  for (const auto& each : edit.locations) {
    wanted.push_back(completed(each, config, survey));
    new_urls.insert(wanted.back().location.url);
    if (each.validation) take_validation(*each.validation, config, image);
  }
  require_quota(wanted.size(), config.limits.image_location_quota);
  const bool same = old_urls == new_urls;
  if (!same && !old_urls.empty()) throw Error(Errc::invalid, "Original locations is not empty");
  for (const auto& each : wanted) {
    if (new_urls.count(each.location.url) > 1) throw repetition(each.location);
    if (!same) image.size = examined_size(sql, caller, each, survey, image);
  }
  image.locations.clear();
  for (auto& each : wanted) image.locations.push_back(std::move(each.location));
  activate(image);
}

}  // namespace

void apply(Session& sql, const Caller& caller, const LocationEdit& edit, const Config& config,
           Survey& survey, Image& image) {
  if (edit.kind == LocationEdit::Kind::replace && edit.locations.empty()) {
    throw Error(Errc::forbidden, "Cannot set locations to empty list.");
  }
  if (!config.show_multiple_locations) {
    throw Error(Errc::forbidden, fmt::format("It's not allowed to {} locations if locations are "
                                             "invisible.",
                                             verb_of(edit.kind)));
  }
  require_status(edit, image);
  for (const auto& each : edit.locations) require_storable(each.location);
  switch (edit.kind) {
    case LocationEdit::Kind::add:
      return add(sql, caller, edit, config, survey, image);
    case LocationEdit::Kind::remove:
      return remove(caller, edit, survey, image);
    case LocationEdit::Kind::replace:
      return replace(sql, caller, edit, config, survey, image);
  }
}

void remove_from_store(const Caller& caller, const std::string& store_id, const Config& config,
                       Image& image) {
  if (!caller.is_admin) {
    throw Error(Errc::forbidden,
                "You are not authorized to complete delete_image_location action.");
  }
  if (store_id != config.store_id) {
    throw conflict(fmt::format("The selected store {} is not available on this node.", store_id));
  }
  if (image.status != ImageStatus::active) {
    throw conflict(
        "It's not allowed to remove image data from store if image status is not "
        "'active'");
  }
  if (image.locations.size() <= 1) {
    throw Error(Errc::forbidden,
                "Cannot delete image data from the only store containing it. Consider deleting "
                "the image instead.");
  }
  const auto found = std::ranges::find_if(
      image.locations, [&](const Location& each) { return store_id_of(each) == store_id; });
  if (found == image.locations.end()) {
    throw Error(Errc::not_found,
                fmt::format("Image {} is not stored in store {}.", image.id.text(), store_id));
  }
  image.locations.erase(found);
}

}  // namespace glance::locations
