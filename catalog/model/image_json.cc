// SPDX-License-Identifier: Apache-2.0
#include "catalog/model/image_json.h"

#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

#include "catalog/config/config.h"
#include "catalog/model/attributes.h"
#include "catalog/model/timestamp.h"

namespace glance {
namespace {

using Json = nlohmann::ordered_json;

/// Glance's own note of which host staged the data; it never shows it.
constexpr std::string_view kHiddenProperty = "os_glance_stage_host";

template <typename Value>
Json or_null(const std::optional<Value>& value) {
  return value ? Json(*value) : Json(nullptr);
}

/// Appended as to the vector that an ordered object is: all keys are known to differ, and an
/// initializer list would copy every value.
void add_core(const Image& image, Json::object_t& object) {
  constexpr std::size_t kFields = 32;
  const std::string self = "/v2/images/" + image.id.text();
  object.reserve(kFields + image.properties.size());
  object.emplace_back("id", image.id.text());
  object.emplace_back("name", or_null(image.name));
  object.emplace_back("status", to_string(image.status));
  object.emplace_back("visibility", to_string(image.visibility));
  object.emplace_back("protected", image.is_protected);
  object.emplace_back("os_hidden", image.os_hidden);
  object.emplace_back("checksum", or_null(image.checksum));
  object.emplace_back("os_hash_algo", or_null(image.os_hash_algo));
  object.emplace_back("os_hash_value", or_null(image.os_hash_value));
  object.emplace_back("owner", or_null(image.owner));
  object.emplace_back("size", or_null(image.size));
  object.emplace_back("virtual_size", or_null(image.virtual_size));
  object.emplace_back("container_format", or_null(image.container_format));
  object.emplace_back("disk_format", or_null(image.disk_format));
  object.emplace_back("created_at", format_api_time(image.created_at));
  object.emplace_back("updated_at", format_api_time(image.updated_at));
  object.emplace_back("tags", image.tags);
  object.emplace_back("min_ram", image.min_ram);
  object.emplace_back("min_disk", image.min_disk);
  object.emplace_back("self", self);
  object.emplace_back("file", self + "/file");
  object.emplace_back("schema", "/v2/schemas/image");
}

/// Other tools may have written anything into the column; a list of images must not fail for it.
Json metadata_object(const std::string& text) {
  Json metadata = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  return metadata.is_object() ? metadata : Json::object();
}

void add_locations(const std::vector<Location>& all, const Config& config, Json& json) {
  if (config.show_image_direct_url && !all.empty()) json["direct_url"] = all.front().url;
  if (!config.show_multiple_locations) return;
  Json locations = Json::array();
  for (const Location& location : all) {
    locations.push_back({{"url", location.url}, {"metadata", metadata_object(location.metadata)}});
  }
  json["locations"] = std::move(locations);
}

/// The stores that hold the data, where stores have ids that clients may name.
void add_stores(const std::vector<Location>& all, const Config& config, Json& json) {
  if (!config.enabled_backends) return;
  std::string stores;
  for (const Location& location : all) {
    const Json metadata = metadata_object(location.metadata);
    const auto store = metadata.find("store");
    if (store == metadata.end() || !store->is_string()) continue;
    if (!stores.empty()) stores += ',';
    stores += store->get_ref<const std::string&>();
  }
  if (!stores.empty()) json["stores"] = std::move(stores);
}

void add_properties(const Image& image, Json& json) {
  for (const auto& [name, value] : image.properties) {
    // A row that bears a core attribute's name, which no API call can make, must not replace it.
    const bool taken = name == "stores" || find_core_attribute(name) != nullptr;
    if (taken || name == kHiddenProperty) continue;
    json.push_back({name, value});
  }
}

}  // namespace

std::string image_to_json(const Image& image, const Caller& caller, const Config& config) {
  Json::object_t core;
  add_core(image, core);
  Json json(std::move(core));
  const bool closed = image.status == ImageStatus::deactivated && !caller.is_admin;
  const std::vector<Location> unknown;
  const auto& locations = closed ? unknown : image.locations;
  add_locations(locations, config, json);
  add_stores(locations, config, json);
  add_properties(image, json);
  constexpr int kCompact = -1;
  return json.dump(kCompact, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace);
}

}  // namespace glance
