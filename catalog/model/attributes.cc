// SPDX-License-Identifier: Apache-2.0
#include "catalog/model/attributes.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "catalog/base/error.h"
#include "catalog/config/image_limits.h"
#include "catalog/model/attribute_checks.h"
#include "catalog/model/known_properties.h"
#include "catalog/model/tag_list.h"
#include "catalog/model/timestamp.h"

namespace glance {
namespace {

constexpr std::string_view kInternalPrefix = "os_glance";

void refuse_reserved(std::string_view name) {
  // `stores` is the server's answer to where the data lie. Real Glance forgets to protect it and
  // then shows whatever a user has put there.
  if (is_reserved_attribute(name) || name == "stores") {
    throw Error(Errc::forbidden, fmt::format("Attribute {} is reserved.", checks::in_quotes(name)));
  }
}

void refuse_read_only(const CoreAttribute* core) {
  if (core != nullptr && !core->settable) {
    throw Error(Errc::read_only_key, fmt::format("Attribute '{}' is read-only.", core->name));
  }
}

std::size_t count_user_properties(const std::map<std::string, std::string>& properties) {
  return static_cast<std::size_t>(std::ranges::count_if(
      properties, [](const auto& entry) { return !entry.first.starts_with(kInternalPrefix); }));
}

using OptionalText = std::optional<std::string>;

// ── the core attributes ───────────────────────────────────────────────────────────────────────

using Reader = OptionalText (*)(const Image&);
using Setter = void (*)(std::string_view name, const AttributeValue&, const ImageLimits&, Image&);

/// All that is known of a core attribute; settable ones have a setter.
struct Core {
  CoreAttribute attribute;
  Reader read;
  Setter set;
};

OptionalText bool_text(bool flag) {
  return flag ? "true" : "false";
}

OptionalText number_text(const std::optional<std::uint64_t>& number) {
  if (!number) return std::nullopt;
  return std::to_string(*number);
}

std::string self_text(const Image& image) {
  return "/v2/images/" + image.id.text();
}

OptionalText optional_text(std::string_view name, const AttributeValue& value) {
  if (std::holds_alternative<std::nullptr_t>(value)) return std::nullopt;
  return checks::typed<std::string>(name, value, "'null', 'string'");
}

void set_name(std::string_view name, const AttributeValue& value, const ImageLimits&,
              Image& image) {
  OptionalText text = optional_text(name, value);
  checks::short_text(name, text);
  image.name = std::move(text);
}

void set_owner(std::string_view name, const AttributeValue& value, const ImageLimits&,
               Image& image) {
  OptionalText text = optional_text(name, value);
  checks::short_text(name, text);
  const bool nobody = text && text->empty();
  image.owner = nobody ? std::nullopt : std::move(text);
}

void set_visibility(std::string_view name, const AttributeValue& value, const ImageLimits&,
                    Image& image) {
  const auto& text = checks::typed<std::string>(name, value, "'string'");
  const auto visibility = parse_visibility(text);
  if (!visibility) {
    checks::refuse_schema(
        fmt::format("{} is not one of ['community', 'public', 'private', 'shared'] ({})",
                    checks::in_quotes(text), checks::in_quotes(name)));
  }
  image.visibility = *visibility;
}

/// The formats are what the data are read by: once these are stored they stay as they are.
void refuse_format_change(std::string_view name, ImageStatus status) {
  // Glance refuses while `saving`, too; tools that copy attributes set them after the data.
  if (status == ImageStatus::queued || status == ImageStatus::saving ||
      status == ImageStatus::importing) {
    return;
  }
  throw Error(Errc::forbidden,
              fmt::format("Attribute {} can be only replaced for a queued image.", name));
}

template <OptionalText Image::* field, std::vector<std::string> ImageLimits::* allowed>
void set_format(std::string_view name, const AttributeValue& value, const ImageLimits& limits,
                Image& image) {
  OptionalText text = optional_text(name, value);
  checks::format(name, text, limits.*allowed);
  refuse_format_change(name, image.status);
  image.*field = std::move(text);
}

template <bool Image::* field>
void set_flag(std::string_view name, const AttributeValue& value, const ImageLimits&,
              Image& image) {
  image.*field = checks::typed<bool>(name, value, "'boolean'");
}

template <std::int32_t Image::* field>
void set_minimum(std::string_view name, const AttributeValue& value, const ImageLimits&,
                 Image& image) {
  const auto number = checks::typed<std::int64_t>(name, value, "'integer'");
  checks::minimum(name, number);
  image.*field = static_cast<std::int32_t>(number);
}

void set_tags(std::string_view name, const AttributeValue& value, const ImageLimits& limits,
              Image& image) {
  auto tags = as_set(checks::typed<std::vector<std::string>>(name, value, "'array'"));
  checks::tags(tags, limits);
  image.tags = std::move(tags);
}

constexpr bool kReadOnly = false;
constexpr bool kSettable = true;

// In the order of the API's documentation. `direct_url` and `locations` have no text: whether a
// caller may see them is for the configuration to say, which image_to_json() asks.
constexpr auto kCore = std::to_array<Core>({
    {{"id", AttributeType::text, kReadOnly},
     [](const Image& i) -> OptionalText { return i.id.text(); },
     nullptr},
    {{"name", AttributeType::text, kSettable}, [](const Image& i) { return i.name; }, set_name},
    {{"status", AttributeType::text, kReadOnly},
     [](const Image& i) -> OptionalText { return std::string(to_string(i.status)); },
     nullptr},
    {{"visibility", AttributeType::text, kSettable},
     [](const Image& i) -> OptionalText { return std::string(to_string(i.visibility)); },
     set_visibility},
    {{"protected", AttributeType::boolean, kSettable},
     [](const Image& i) { return bool_text(i.is_protected); },
     set_flag<&Image::is_protected>},
    {{"os_hidden", AttributeType::boolean, kSettable},
     [](const Image& i) { return bool_text(i.os_hidden); },
     set_flag<&Image::os_hidden>},
    {{"checksum", AttributeType::text, kReadOnly},
     [](const Image& i) { return i.checksum; },
     nullptr},
    {{"os_hash_algo", AttributeType::text, kReadOnly},
     [](const Image& i) { return i.os_hash_algo; },
     nullptr},
    {{"os_hash_value", AttributeType::text, kReadOnly},
     [](const Image& i) { return i.os_hash_value; },
     nullptr},
    {{"owner", AttributeType::text, kSettable}, [](const Image& i) { return i.owner; }, set_owner},
    {{"size", AttributeType::integer, kReadOnly},
     [](const Image& i) { return number_text(i.size); },
     nullptr},
    {{"virtual_size", AttributeType::integer, kReadOnly},
     [](const Image& i) { return number_text(i.virtual_size); },
     nullptr},
    {{"container_format", AttributeType::text, kSettable},
     [](const Image& i) { return i.container_format; },
     set_format<&Image::container_format, &ImageLimits::container_formats>},
    {{"disk_format", AttributeType::text, kSettable},
     [](const Image& i) { return i.disk_format; },
     set_format<&Image::disk_format, &ImageLimits::disk_formats>},
    {{"created_at", AttributeType::timestamp, kReadOnly},
     [](const Image& i) -> OptionalText { return format_api_time(i.created_at); },
     nullptr},
    {{"updated_at", AttributeType::timestamp, kReadOnly},
     [](const Image& i) -> OptionalText { return format_api_time(i.updated_at); },
     nullptr},
    {{"tags", AttributeType::tags, kSettable},
     [](const Image& i) -> OptionalText { return join_tags(i.tags); },
     set_tags},
    {{"min_ram", AttributeType::integer, kSettable},
     [](const Image& i) -> OptionalText { return std::to_string(i.min_ram); },
     set_minimum<&Image::min_ram>},
    {{"min_disk", AttributeType::integer, kSettable},
     [](const Image& i) -> OptionalText { return std::to_string(i.min_disk); },
     set_minimum<&Image::min_disk>},
    {{"self", AttributeType::text, kReadOnly},
     [](const Image& i) -> OptionalText { return self_text(i); },
     nullptr},
    {{"file", AttributeType::text, kReadOnly},
     [](const Image& i) -> OptionalText { return self_text(i) + "/file"; },
     nullptr},
    {{"schema", AttributeType::text, kReadOnly},
     [](const Image&) -> OptionalText { return "/v2/schemas/image"; },
     nullptr},
    {{"direct_url", AttributeType::text, kReadOnly},
     [](const Image&) -> OptionalText { return std::nullopt; },
     nullptr},
    {{"locations", AttributeType::locations, kReadOnly},
     [](const Image&) -> OptionalText { return std::nullopt; },
     nullptr},
});

constexpr auto kCoreAttributes = [] {
  std::array<CoreAttribute, kCore.size()> attributes{};
  std::ranges::transform(kCore, attributes.begin(), &Core::attribute);
  return attributes;
}();

const Core* find_core(std::string_view name) noexcept {
  const auto* found =
      std::ranges::find(kCore, name, [](const Core& core) { return core.attribute.name; });
  return found == kCore.end() ? nullptr : found;
}

/// What an image has that nobody has given the attribute. For settable ones only.
AttributeValue default_value(const CoreAttribute& core) {
  if (core.name == "visibility") return std::string(to_string(Visibility::shared));
  switch (core.type) {
    case AttributeType::boolean:
      return false;
    case AttributeType::integer:
      return std::int64_t{0};
    case AttributeType::tags:
      return std::vector<std::string>();
    case AttributeType::text:
    case AttributeType::timestamp:
    case AttributeType::locations:
      return nullptr;
  }
  return nullptr;
}

// ── edits ─────────────────────────────────────────────────────────────────────────────────────

void apply_to_core(const Core& core, const AttributeEdit& edit, const ImageLimits& limits,
                   Image& image) {
  const std::string_view name = core.attribute.name;
  switch (edit.kind) {
    case AttributeEdit::Kind::put:
    case AttributeEdit::Kind::replace:
      core.set(name, edit.value, limits, image);
      return;
    case AttributeEdit::Kind::create:
      // As Glance sees it a base attribute is always there, null or not.
      throw Error(Errc::exists, fmt::format("Property {} already present.", name));
    case AttributeEdit::Kind::remove:
      throw Error(Errc::forbidden, fmt::format("Property {} may not be removed.", name));
    case AttributeEdit::Kind::reset:
      core.set(name, default_value(core.attribute), limits, image);
      return;
  }
}

bool is_nullable_property(std::string_view name) {
  const auto* known = find_known_property(name);
  return known != nullptr && known->is_image_id;
}

void put_property(const AttributeEdit& edit, const ImageLimits& limits, Image& image) {
  if (std::holds_alternative<std::nullptr_t>(edit.value) && is_nullable_property(edit.name)) {
    image.properties.erase(edit.name);
    return;
  }
  const auto& value = checks::typed<std::string>(edit.name, edit.value, "'string'");
  checks::property(edit.name, value);
  if (!image.properties.contains(edit.name)) {
    checks::quota("properties", count_user_properties(image.properties) + 1,
                  limits.image_property_quota);
  }
  image.properties.insert_or_assign(edit.name, value);
}

void apply_to_property(const AttributeEdit& edit, const ImageLimits& limits, Image& image) {
  const bool present = image.properties.contains(edit.name);
  const auto missing = [&edit](Errc code) {
    return Error(code, fmt::format("Property {} does not exist.", checks::readable(edit.name)));
  };
  switch (edit.kind) {
    case AttributeEdit::Kind::put:
      put_property(edit, limits, image);
      return;
    case AttributeEdit::Kind::create:
      if (present) {
        throw Error(Errc::exists,
                    fmt::format("Property {} already present.", checks::readable(edit.name)));
      }
      put_property(edit, limits, image);
      return;
    case AttributeEdit::Kind::replace:
      if (!present) throw missing(Errc::conflict);
      put_property(edit, limits, image);
      return;
    case AttributeEdit::Kind::remove:
      if (image.properties.erase(edit.name) == 0) throw missing(Errc::conflict);
      return;
    case AttributeEdit::Kind::reset:
      if (image.properties.erase(edit.name) == 0) throw missing(Errc::not_found);
      return;
  }
}

void check_draft_properties(const ImageDraft& draft, const ImageLimits& limits) {
  for (const auto& [name, value] : draft.properties) {
    refuse_reserved(name);
    const CoreAttribute* core = find_core_attribute(name);
    refuse_read_only(core);
    if (core != nullptr) checks::refuse_schema(fmt::format("'{}' is no custom property", name));
    checks::property(name, value);
  }
  checks::quota("properties", draft.properties.size(), limits.image_property_quota);
}

}  // namespace

const CoreAttribute* find_core_attribute(std::string_view name) noexcept {
  const auto* found = std::ranges::find(kCoreAttributes, name, &CoreAttribute::name);
  return found == kCoreAttributes.end() ? nullptr : found;
}

std::span<const CoreAttribute> core_attributes() noexcept {
  return kCoreAttributes;
}

bool is_reserved_attribute(std::string_view name) noexcept {
  return name == "location" || name == "locations" || name == "deleted" || name == "deleted_at" ||
         name.starts_with(kInternalPrefix);
}

void apply(const AttributeEdit& edit, const ImageLimits& limits, Image& image) {
  refuse_reserved(edit.name);
  refuse_read_only(find_core_attribute(edit.name));
  if (const Core* core = find_core(edit.name)) {
    apply_to_core(*core, edit, limits, image);
  } else {
    apply_to_property(edit, limits, image);
  }
}

void validate(const ImageDraft& draft, const ImageLimits& limits) {
  checks::short_text("name", draft.name);
  checks::short_text("owner", draft.owner);
  checks::format("disk_format", draft.disk_format, limits.disk_formats);
  checks::format("container_format", draft.container_format, limits.container_formats);
  checks::minimum("min_disk", draft.min_disk);
  checks::minimum("min_ram", draft.min_ram);
  checks::tags(as_set(draft.tags), limits);
  check_draft_properties(draft, limits);
}

std::optional<std::string> attribute_text(const Image& image, std::string_view name) {
  if (const Core* core = find_core(name)) return core->read(image);
  const auto found = image.properties.find(std::string(name));
  if (found == image.properties.end()) return std::nullopt;
  return found->second;
}

}  // namespace glance
