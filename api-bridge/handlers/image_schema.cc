// SPDX-License-Identifier: Apache-2.0
#include "api-bridge/handlers/image_schema.h"

#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "catalog/config/config.h"
#include "catalog/model/known_properties.h"

namespace glance::api {
namespace {

using nlohmann::ordered_json;

ordered_json text(std::string_view description) {
  return {{"type", "string"}, {"description", description}};
}

ordered_json nullable(std::string_view type, std::string_view description) {
  return {{"type", {"null", type}}, {"description", description}};
}

ordered_json bounded(ordered_json property, int max_length) {
  property["maxLength"] = max_length;
  return property;
}

ordered_json read_only(ordered_json property) {
  property["readOnly"] = true;
  return property;
}

ordered_json one_of(ordered_json property, const std::vector<std::string>& values,
                    bool or_null = false) {
  property["enum"] = ordered_json::array();
  if (or_null) property["enum"].push_back(nullptr);
  for (const auto& value : values) property["enum"].push_back(value);
  return property;
}

ordered_json uuid(std::string_view description) {
  auto property = text(description);
  property["pattern"] = kImageIdPattern;
  return property;
}

ordered_json validation_data() {
  ordered_json checksum = {{"type", "string"}, {"minLength", 32}, {"maxLength", 32}};
  return {{"type", "object"},
          {"description", "What the image's digests are to be"},
          {"writeOnly", true},
          {"additionalProperties", false},
          {"properties",
           {{"checksum", std::move(checksum)},
            {"os_hash_algo", {{"type", "string"}, {"maxLength", 64}}},
            {"os_hash_value", {{"type", "string"}, {"maxLength", 128}}}}},
          {"required", {"os_hash_algo", "os_hash_value"}}};
}

ordered_json locations() {
  const ordered_json location = {{"type", "object"},
                                 {"properties",
                                  {{"url", {{"type", "string"}, {"maxLength", 255}}},
                                   {"metadata", {{"type", "object"}}},
                                   {"validation_data", validation_data()}}},
                                 {"required", {"url", "metadata"}}};
  return {{"type", "array"}, {"items", location}, {"description", "Where the data are kept"}};
}

void add_identity(ordered_json& properties) {
  properties["id"] = uuid("Id of the image");
  properties["name"] = bounded(nullable("string", "Name, not necessarily unique"), 255);
  properties["status"] = read_only(one_of(
      text("State of the image"), {"queued", "saving", "active", "killed", "deleted", "uploading",
                                   "importing", "pending_delete", "deactivated"}));
  properties["visibility"] =
      one_of(text("Who sees the image"), {"community", "public", "private", "shared"});
  properties["protected"] = {{"type", "boolean"}, {"description", "Refuse to delete the image"}};
  properties["os_hidden"] = {{"type", "boolean"},
                             {"description", "Leave the image out of ordinary lists"}};
}

void add_data(const ImageLimits& limits, ordered_json& properties) {
  properties["checksum"] = read_only(bounded(nullable("string", "MD5 of the data"), 32));
  properties["os_hash_algo"] =
      read_only(bounded(nullable("string", "Algorithm of os_hash_value"), 64));
  properties["os_hash_value"] =
      read_only(bounded(nullable("string", "Digest of the data by os_hash_algo"), 128));
  properties["owner"] = bounded(nullable("string", "Project that owns the image"), 255);
  properties["size"] = read_only(nullable("integer", "Size of the data in bytes"));
  properties["virtual_size"] = read_only(nullable("integer", "Size of the disk in bytes"));
  properties["container_format"] =
      one_of(nullable("string", "Format of what wraps the disk"), limits.container_formats, true);
  properties["disk_format"] =
      one_of(nullable("string", "Format of the disk"), limits.disk_formats, true);
}

void add_rest(const Config& config, ordered_json& properties) {
  properties["created_at"] = read_only(text("When the image was made, UTC"));
  properties["updated_at"] = read_only(text("When the image was changed last, UTC"));
  properties["tags"] = {{"type", "array"},
                        {"items", {{"type", "string"}, {"maxLength", 255}}},
                        {"description", "Words to find the image by"}};
  properties["direct_url"] = read_only(text("Where the data are kept"));
  properties["min_ram"] = {{"type", "integer"}, {"description", "MB of memory needed to boot"}};
  properties["min_disk"] = {{"type", "integer"}, {"description", "GB of disk needed to boot"}};
  properties["self"] = read_only(text("Path of the image"));
  properties["file"] = read_only(text("Path of the image's data"));
  // Named where images show it, or services would take it for a custom property and send it back.
  // Elsewhere glanceclient 4.1, which has an option of that name, is spared it.
  if (config.enabled_backends) {
    properties["stores"] = read_only(text("Ids of the stores that hold the data, by commas"));
  }
  properties["schema"] = read_only(text("Path of this schema"));
  properties["locations"] = locations();
  for (const auto& known : known_properties()) {
    auto property =
        known.is_image_id ? nullable("string", known.description) : text(known.description);
    if (known.is_image_id) property["pattern"] = kImageIdPattern;
    if (!known.allowed.empty()) property["enum"] = known.allowed;
    property["is_base"] = false;
    properties[std::string(known.name)] = std::move(property);
  }
}

ordered_json link(std::string_view relation, std::string_view target) {
  return {{"rel", relation}, {"href", target}};
}

}  // namespace

ordered_json image_schema(const Config& config) {
  ordered_json properties = ordered_json::object();
  add_identity(properties);
  add_data(config.limits, properties);
  add_rest(config, properties);
  return {{"name", "image"},
          {"properties", properties},
          {"additionalProperties", {{"type", "string"}}},
          {"links",
           {link("self", "{self}"), link("enclosure", "{file}"), link("describedby", "{schema}")}}};
}

ordered_json images_schema(const Config& config) {
  const ordered_json path = {{"type", "string"}};
  return {{"name", "images"},
          {"properties",
           {{"images", {{"type", "array"}, {"items", image_schema(config)}}},
            {"first", path},
            {"next", path},
            {"schema", path}}},
          {"links",
           {link("first", "{first}"), link("next", "{next}"), link("describedby", "{schema}")}}};
}

ordered_json member_schema() {
  return {{"name", "member"},
          {"properties",
           {{"member_id", text("Project that the image is shared with")},
            {"image_id", uuid("Id of the image")},
            {"created_at", text("When the image was shared, UTC")},
            {"updated_at", text("When the membership was changed last, UTC")},
            {"status", one_of(text("The project's answer"), {"pending", "accepted", "rejected"})},
            {"schema", read_only(text("Path of this schema"))}}}};
}

ordered_json members_schema() {
  ordered_json schema = {{"name", "members"},
                         {"properties",
                          {{"members", {{"type", "array"}, {"items", member_schema()}}},
                           {"schema", {{"type", "string"}}}}}};
  schema["links"] = ordered_json::array({link("describedby", "{schema}")});
  return schema;
}

}  // namespace glance::api
