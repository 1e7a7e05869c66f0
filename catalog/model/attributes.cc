// SPDX-License-Identifier: Apache-2.0
#include "catalog/model/attributes.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "catalog/base/error.h"
#include "catalog/config/config.h"
#include "catalog/model/known_properties.h"
#include "catalog/model/timestamp.h"
#include "catalog/text/ascii.h"
#include "catalog/text/utf8.h"

namespace glance {
namespace {

constexpr std::size_t kMaxCharacters = 255;  // names, owners, tags and property names
constexpr std::int64_t kMaxMinimum = std::numeric_limits<std::int32_t>::max();
constexpr std::string_view kInternalPrefix = "os_glance";

// ── refusals, in Glance's words ───────────────────────────────────────────────────────────────

[[noreturn]] void refuse_schema(std::string_view what) {
  throw Error(Errc::invalid,
              fmt::format("Provided object does not match schema 'image': {}", what));
}

/// Messages go into logs, JSON and HTML, so they are UTF-8 whatever the user sent.
std::string_view readable(std::string_view text) {
  return is_valid_utf8(text) ? text : "(bytes that are not UTF-8)";
}

/// A text as messages show it: in quotes, and short.
std::string in_quotes(std::string_view text) {
  constexpr std::size_t kShown = 64;
  text = readable(text);
  if (text.size() <= kShown) return fmt::format("'{}'", text);
  std::string_view head = text.substr(0, kShown);
  while (!is_valid_utf8(head)) head.remove_suffix(1);
  return fmt::format("'{}…'", head);
}

std::string shown(const AttributeValue& value) {
  struct Printer {
    std::string operator()(std::nullptr_t) const { return "None"; }
    std::string operator()(bool flag) const { return flag ? "True" : "False"; }
    std::string operator()(std::int64_t number) const { return std::to_string(number); }
    std::string operator()(const std::string& text) const { return in_quotes(text); }
    std::string operator()(const std::vector<std::string>&) const { return "A list"; }
  };
  return std::visit(Printer{}, value);
}

template <typename Type>
const Type& typed(std::string_view name, const AttributeValue& value, std::string_view allowed) {
  if (const Type* held = std::get_if<Type>(&value)) return *held;
  refuse_schema(fmt::format("{} is not of type {} ({})", shown(value), allowed, in_quotes(name)));
}

/// What every text that goes into the database must be. `refusal` is Glance's sentence about
/// characters that take four bytes.
void check_text(std::string_view what, std::string_view text, std::string_view refusal) {
  if (!is_valid_utf8(text)) refuse_schema(fmt::format("{} is not valid UTF-8", what));
  if (has_non_bmp(text)) throw Error(Errc::invalid, std::string(refusal));
}

void check_short_text(std::string_view what, std::string_view text, std::string_view refusal) {
  check_text(what, text, refusal);
  if (utf8_length(text) > kMaxCharacters) {
    refuse_schema(fmt::format("{} is too long; {} may have {} characters", in_quotes(text), what,
                              kMaxCharacters));
  }
}

/// "os_distro" → "Os_Distro": Glance titles the keys in its sentence with Python's str.title().
std::string title(std::string_view key) {
  std::string text(key);
  bool in_word = false;
  for (char& c : text) {
    c = in_word ? lower(c) : upper(c);
    in_word = is_lower(c) || is_upper(c);
  }
  return text;
}

std::string four_byte_refusal(std::string_view key) {
  return fmt::format("{} can't contain 4 byte unicode characters.", title(readable(key)));
}

void check_quota(std::string_view what, std::size_t attempted, std::int64_t quota) {
  if (quota < 0 || std::cmp_less_equal(attempted, quota)) return;
  throw Error(Errc::over_quota,
              fmt::format("The limit has been exceeded on the number of allowed image {}. "
                          "Attempted: {}, Maximum: {}",
                          what, attempted, quota));
}

// ── checks of one attribute, shared by edits and drafts ───────────────────────────────────────

using OptionalText = std::optional<std::string>;

void check_short_attribute(std::string_view name, const OptionalText& value) {
  if (value) check_short_text(in_quotes(name), *value, four_byte_refusal(name));
}

void check_format(std::string_view name, const OptionalText& value,
                  const std::vector<std::string>& allowed) {
  if (!value || std::ranges::find(allowed, *value) != allowed.end()) return;
  refuse_schema(fmt::format("{} is not one of [None, '{}'] ({})", in_quotes(*value),
                            fmt::join(allowed, "', '"), in_quotes(name)));
}

void check_minimum(std::string_view name, std::int64_t value) {
  if (value < 0) {
    refuse_schema(fmt::format("{} is less than the minimum of 0 ({})", value, in_quotes(name)));
  }
  if (value > kMaxMinimum) {
    refuse_schema(fmt::format("{} is greater than the maximum of {} ({})", value, kMaxMinimum,
                              in_quotes(name)));
  }
}

/// `tags` must be free of duplicates by now.
void check_tags(const std::vector<std::string>& tags, const ImageLimits& limits) {
  for (const std::string& tag : tags) {
    check_short_text("a tag", tag, "Param values can't contain 4 byte unicode.");
  }
  check_quota("tags", tags.size(), limits.image_tag_quota);
}

std::vector<std::string> as_set(std::vector<std::string> tags) {
  std::ranges::sort(tags);
  const auto rest = std::ranges::unique(tags);
  tags.erase(rest.begin(), rest.end());
  return tags;
}

void refuse_reserved(std::string_view name) {
  // `stores` is the server's answer to where the data lie. Real Glance forgets to protect it and
  // then shows whatever a user has put there.
  if (is_reserved_attribute(name) || name == "stores") {
    throw Error(Errc::forbidden, fmt::format("Attribute {} is reserved.", in_quotes(name)));
  }
}

void refuse_read_only(const CoreAttribute* core) {
  if (core != nullptr && !core->settable) {
    throw Error(Errc::read_only_key, fmt::format("Attribute '{}' is read-only.", core->name));
  }
}

void check_property(const std::string& name, const std::string& value) {
  check_short_text("a property's name", name, "Property names can't contain 4 byte unicode.");
  check_text(in_quotes(name), value, four_byte_refusal(name));
  const auto* known = find_known_property(name);
  if (known == nullptr) return;
  if (known->is_image_id && !ImageId::parse(value)) {
    refuse_schema(fmt::format("{} does not match '{}' ({})", in_quotes(value), kImageIdPattern,
                              in_quotes(name)));
  }
  if (!known->allowed.empty() && std::ranges::find(known->allowed, value) == known->allowed.end()) {
    refuse_schema(fmt::format("{} is not one of ['{}'] ({})", in_quotes(value),
                              fmt::join(known->allowed, "', '"), in_quotes(name)));
  }
}

std::size_t count_user_properties(const std::map<std::string, std::string>& properties) {
  return static_cast<std::size_t>(std::ranges::count_if(
      properties, [](const auto& entry) { return !entry.first.starts_with(kInternalPrefix); }));
}

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
  return typed<std::string>(name, value, "'null', 'string'");
}

void set_name(std::string_view name, const AttributeValue& value, const ImageLimits&,
              Image& image) {
  OptionalText text = optional_text(name, value);
  check_short_attribute(name, text);
  image.name = std::move(text);
}

void set_owner(std::string_view name, const AttributeValue& value, const ImageLimits&,
               Image& image) {
  OptionalText text = optional_text(name, value);
  check_short_attribute(name, text);
  const bool nobody = text && text->empty();
  image.owner = nobody ? std::nullopt : std::move(text);
}

void set_visibility(std::string_view name, const AttributeValue& value, const ImageLimits&,
                    Image& image) {
  const auto& text = typed<std::string>(name, value, "'string'");
  const auto visibility = parse_visibility(text);
  if (!visibility) {
    refuse_schema(fmt::format("{} is not one of ['community', 'public', 'private', 'shared'] ({})",
                              in_quotes(text), in_quotes(name)));
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
  check_format(name, text, limits.*allowed);
  refuse_format_change(name, image.status);
  image.*field = std::move(text);
}

template <bool Image::* field>
void set_flag(std::string_view name, const AttributeValue& value, const ImageLimits&,
              Image& image) {
  image.*field = typed<bool>(name, value, "'boolean'");
}

template <std::int32_t Image::* field>
void set_minimum(std::string_view name, const AttributeValue& value, const ImageLimits&,
                 Image& image) {
  const auto number = typed<std::int64_t>(name, value, "'integer'");
  check_minimum(name, number);
  image.*field = static_cast<std::int32_t>(number);
}

void set_tags(std::string_view name, const AttributeValue& value, const ImageLimits& limits,
              Image& image) {
  auto tags = as_set(typed<std::vector<std::string>>(name, value, "'array'"));
  check_tags(tags, limits);
  image.tags = std::move(tags);
}

/// A comma in a tag is `%2C`. A `%` is escaped only where it would otherwise be read as such an
/// escape, so that "100%" stays "100%".
std::string join_tags(const std::vector<std::string>& tags) {
  std::string text;
  for (std::size_t i = 0; i < tags.size(); ++i) {
    if (i > 0) text += ',';
    std::string_view rest = tags[i];
    for (; !rest.empty(); rest.remove_prefix(1)) {
      const bool like_escape =
          rest.starts_with("%2C") || rest.starts_with("%2c") || rest.starts_with("%25");
      if (rest.front() == ',') {
        text += "%2C";
      } else if (like_escape) {
        text += "%25";
      } else {
        text += rest.front();
      }
    }
  }
  return text;
}

std::string unescape_tag(std::string_view text) {
  std::string tag;
  while (!text.empty()) {
    const bool comma = text.starts_with("%2C") || text.starts_with("%2c");
    const bool percent = text.starts_with("%25");
    tag += comma ? ',' : text.front();
    text.remove_prefix(comma || percent ? 3 : 1);
  }
  return tag;
}

std::vector<std::string> split_tags(std::string_view text) {
  std::vector<std::string> tags;
  while (!text.empty()) {
    const std::string_view tag = text.substr(0, text.find(','));
    text.remove_prefix(std::min(tag.size() + 1, text.size()));
    if (!tag.empty()) tags.push_back(unescape_tag(tag));
  }
  return as_set(std::move(tags));
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
  const auto& value = typed<std::string>(edit.name, edit.value, "'string'");
  check_property(edit.name, value);
  if (!image.properties.contains(edit.name)) {
    check_quota("properties", count_user_properties(image.properties) + 1,
                limits.image_property_quota);
  }
  image.properties.insert_or_assign(edit.name, value);
}

void apply_to_property(const AttributeEdit& edit, const ImageLimits& limits, Image& image) {
  const bool present = image.properties.contains(edit.name);
  const auto missing = [&edit](Errc code) {
    return Error(code, fmt::format("Property {} does not exist.", readable(edit.name)));
  };
  switch (edit.kind) {
    case AttributeEdit::Kind::put:
      put_property(edit, limits, image);
      return;
    case AttributeEdit::Kind::create:
      if (present) {
        throw Error(Errc::exists, fmt::format("Property {} already present.", readable(edit.name)));
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
    if (core != nullptr) refuse_schema(fmt::format("'{}' is no custom property", name));
    check_property(name, value);
  }
  check_quota("properties", draft.properties.size(), limits.image_property_quota);
}

// ── texts ─────────────────────────────────────────────────────────────────────────────────────

bool parse_flag(std::string_view name, std::string_view text) {
  if (text == "true" || text == "True") return true;
  if (text == "false" || text == "False") return false;
  refuse_schema(fmt::format("{} is not of type 'boolean' ({}); allowed: true, false",
                            in_quotes(text), in_quotes(name)));
}

std::int64_t parse_number(std::string_view name, std::string_view text) {
  std::int64_t number = 0;
  const auto [stop, failure] = std::from_chars(text.begin(), text.end(), number);
  if (failure == std::errc() && stop == text.end()) return number;
  refuse_schema(fmt::format("{} is not of type 'integer' ({}); allowed: a number in decimal digits",
                            in_quotes(text), in_quotes(name)));
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
  check_short_attribute("name", draft.name);
  check_short_attribute("owner", draft.owner);
  check_format("disk_format", draft.disk_format, limits.disk_formats);
  check_format("container_format", draft.container_format, limits.container_formats);
  check_minimum("min_disk", draft.min_disk);
  check_minimum("min_ram", draft.min_ram);
  check_tags(as_set(draft.tags), limits);
  check_draft_properties(draft, limits);
}

std::optional<std::string> attribute_text(const Image& image, std::string_view name) {
  if (const Core* core = find_core(name)) return core->read(image);
  const auto found = image.properties.find(std::string(name));
  if (found == image.properties.end()) return std::nullopt;
  return found->second;
}

AttributeValue parse_attribute(std::string_view name, std::string_view text) {
  const CoreAttribute* core = find_core_attribute(name);
  if (core == nullptr) return std::string(text);
  switch (core->type) {
    case AttributeType::boolean:
      return parse_flag(name, text);
    case AttributeType::integer:
      return parse_number(name, text);
    case AttributeType::tags:
      return split_tags(text);
    case AttributeType::timestamp:
      if (!parse_time(text)) {
        refuse_schema(fmt::format("{} is not a time ({}); allowed: YYYY-MM-DDTHH:MM:SSZ",
                                  in_quotes(text), in_quotes(name)));
      }
      return std::string(text);
    case AttributeType::text:
    case AttributeType::locations:
      return std::string(text);
  }
  return std::string(text);
}

std::string format_api_time(Timestamp time) {
  std::string text = format_db_time(time);
  text.resize(std::string_view("YYYY-MM-DD HH:MM:SS").size());
  text[10] = 'T';
  text += 'Z';
  return text;
}

}  // namespace glance
