// SPDX-License-Identifier: Apache-2.0
#include "api-bridge/handlers/location_patch.h"

#include <string>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "api-bridge/wire/http_error.h"
#include "catalog/text/utf8.h"

namespace glance::api {
namespace {

using nlohmann::json;

[[noreturn]] void refuse(const std::string& what) {
  throw HttpError(400, "Provided object does not match schema 'image': " + what);
}

const json& member(const json& object, const std::string& key) {
  const auto found = object.find(key);
  if (found == object.end()) refuse(fmt::format("'{}' is a required property", key));
  return *found;
}

std::string text(const json& value, std::string_view key) {
  if (!value.is_string()) refuse(fmt::format("'{}' is not of type 'string'", key));
  return value.get<std::string>();
}

/// Digests and their names take so many bytes and no more.
std::string short_text(const json& value, std::string_view key, std::size_t max) {
  auto result = text(value, key);
  if (utf8_length(result) > max) {
    refuse(fmt::format("'{}' is too long; it may have {} characters", key, max));
  }
  return result;
}

/// As Python writes JSON: what Glance keeps in the column, and compares as text.
std::string spaced(const json& value) {
  std::string out;
  const char* separator = "";
  if (value.is_object()) {
    for (const auto& [key, part] : value.items()) {
      out += separator + json(key).dump() + ": " + spaced(part);
      separator = ", ";
    }
    return "{" + out + "}";
  }
  if (value.is_array()) {
    for (const auto& part : value) {
      out += separator + spaced(part);
      separator = ", ";
    }
    return "[" + out + "]";
  }
  return value.dump();
}

ValidationData parse_validation(const json& value) {
  constexpr std::size_t kChecksum = 32;
  constexpr std::size_t kAlgo = 64;
  constexpr std::size_t kValue = 128;
  if (!value.is_object()) refuse("'validation_data' is not of type 'object'");
  ValidationData data{
      .checksum = std::nullopt,
      .os_hash_algo = short_text(member(value, "os_hash_algo"), "os_hash_algo", kAlgo),
      .os_hash_value = short_text(member(value, "os_hash_value"), "os_hash_value", kValue)};
  for (const auto& [key, part] : value.items()) {
    if (key == "checksum") {
      data.checksum = short_text(part, key, kChecksum);
      if (data.checksum->size() < kChecksum) refuse("'checksum' is too short");
    } else if (key != "os_hash_algo" && key != "os_hash_value") {
      refuse(fmt::format("Additional properties are not allowed ('{}' was unexpected)", key));
    }
  }
  return data;
}

}  // namespace

NewLocation parse_location(const json& value) {
  if (!value.is_object()) refuse("a location is not of type 'object'");
  const auto& metadata = member(value, "metadata");
  if (!metadata.is_object()) refuse("'metadata' is not of type 'object'");
  NewLocation location{
      .location = {.url = text(member(value, "url"), "url"), .metadata = spaced(metadata)},
      .validation = std::nullopt};
  const auto validation = value.find("validation_data");
  if (validation != value.end()) location.validation = parse_validation(*validation);
  return location;
}

std::vector<NewLocation> parse_locations(const json& value) {
  if (!value.is_array()) refuse("'locations' is not of type 'array'");
  std::vector<NewLocation> locations;
  for (const auto& each : value) locations.push_back(parse_location(each));
  return locations;
}

}  // namespace glance::api
