// SPDX-License-Identifier: Apache-2.0
#include "api-bridge/handlers/image_request.h"

#include <limits>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "api-bridge/handlers/json_body.h"
#include "api-bridge/wire/http_error.h"
#include "catalog/model/attributes.h"
#include "catalog/model/known_properties.h"

namespace glance::api {
namespace {

[[noreturn]] void refuse_schema(const std::string& what) {
  throw HttpError(400, "Provided object does not match schema 'image': " + what);
}

std::optional<std::string> optional_text(AttributeValue value) {
  if (auto* text = std::get_if<std::string>(&value)) return std::move(*text);
  return std::nullopt;
}

std::int32_t int32_value(std::string_view name, const AttributeValue& value) {
  const auto number = std::get<std::int64_t>(value);
  if (number < 0) {
    throw HttpError(400, fmt::format("Invalid value '{}' for parameter '{}': Cannot be a negative "
                                     "value",
                                     number, name));
  }
  constexpr auto kMax = std::numeric_limits<std::int32_t>::max();
  if (number > kMax) {
    throw HttpError(400, fmt::format("Invalid value '{}' for parameter '{}': Cannot be greater "
                                     "than {}",
                                     number, name, kMax));
  }
  return static_cast<std::int32_t>(number);
}

ImageId id_value(const AttributeValue& value) {
  const auto& text = std::get<std::string>(value);
  auto id = ImageId::parse(text);
  if (!id) refuse_schema(fmt::format("'{}' does not match '{}'", text, kImageIdPattern));
  return *id;
}

Visibility visibility_value(const AttributeValue& value) {
  const auto& text = std::get<std::string>(value);
  const auto visibility = parse_visibility(text);
  if (!visibility) {
    refuse_schema(
        fmt::format("'{}' is not one of ['community', 'public', 'private', 'shared']", text));
  }
  return *visibility;
}

void set(ImageDraft& draft, const std::string& name, AttributeValue value) {
  if (name == "id") {
    draft.id = id_value(value);
  } else if (name == "name") {
    draft.name = optional_text(std::move(value));
  } else if (name == "visibility") {
    draft.visibility = visibility_value(value);
  } else if (name == "protected") {
    draft.is_protected = std::get<bool>(value);
  } else if (name == "os_hidden") {
    draft.os_hidden = std::get<bool>(value);
  } else if (name == "owner") {
    draft.owner = optional_text(std::move(value));
  } else if (name == "disk_format") {
    draft.disk_format = optional_text(std::move(value));
  } else if (name == "container_format") {
    draft.container_format = optional_text(std::move(value));
  } else if (name == "min_disk") {
    draft.min_disk = int32_value(name, value);
  } else if (name == "min_ram") {
    draft.min_ram = int32_value(name, value);
  } else if (name == "tags") {
    draft.tags = std::get<std::vector<std::string>>(std::move(value));
  } else {
    auto text = optional_text(std::move(value));
    if (text) draft.properties.insert_or_assign(name, *std::move(text));
  }
}

/// What the server's to set and the same in all new images is no error when it comes back with a
/// copy of one.
bool is_of_every_new_image(std::string_view name, const nlohmann::json& value) {
  if (name == "status") return value == "queued";
  if (name == "schema") return value == "/v2/schemas/image";
  return (name == "checksum" || name == "size" || name == "virtual_size") && value.is_null();
}

}  // namespace

bool is_read_only(std::string_view name) {
  const auto* core = find_core_attribute(name);
  // Glance forgets to protect `stores` from PATCH.
  return (core != nullptr && !core->settable) || name == "stores";
}

void refuse_unsettable(std::string_view name) {
  if (is_reserved_attribute(name)) {
    throw HttpError(403, fmt::format("Attribute '{}' is reserved.", name));
  }
  if (is_read_only(name)) {
    throw HttpError(403, fmt::format("Attribute '{}' is read-only.", name));
  }
}

ImageDraft parse_image_draft(std::string_view body, std::size_t max_depth) {
  const auto object = parse_json_body(body, max_depth);
  if (!object.is_object()) {
    throw HttpError(400, "Request body must be a JSON object describing the image.");
  }
  ImageDraft draft;
  for (const auto& [name, value] : object.items()) {
    const bool is_digest = name == "os_hash_algo" || name == "os_hash_value";
    if (is_digest) continue;  // as Glance does
    if (is_of_every_new_image(name, value)) continue;
    if (name != "id") refuse_unsettable(name);
    set(draft, name, attribute_value(name, value));
  }
  return draft;
}

}  // namespace glance::api
