// SPDX-License-Identifier: Apache-2.0
#include "catalog/model/attribute_checks.h"

#include <algorithm>
#include <limits>
#include <utility>

#include <fmt/ranges.h>

#include "catalog/base/error.h"
#include "catalog/config/image_limits.h"
#include "catalog/model/known_properties.h"
#include "catalog/model/stored_text.h"
#include "catalog/text/ascii.h"
#include "catalog/text/utf8.h"

namespace glance::checks {
namespace {

constexpr std::int64_t kMaxMinimum = std::numeric_limits<std::int32_t>::max();

/// `fault` is what the database cannot take of the text (stored_text.h), `refusal` Glance's
/// sentence about characters that take four bytes.
void check_text(std::string_view what, std::string_view text,
                const std::optional<std::string>& fault, std::string_view refusal) {
  if (fault) refuse_schema(fmt::format("{} {}", what, *fault));
  if (has_non_bmp(text)) throw Error(Errc::invalid, std::string(refusal));
}

void check_short_text(std::string_view what, std::string_view text, std::string_view refusal) {
  check_text(what, text, fault_of_short_text(text), refusal);
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

}  // namespace

void refuse_schema(std::string_view what) {
  throw Error(Errc::invalid,
              fmt::format("Provided object does not match schema 'image': {}", what));
}

std::string_view readable(std::string_view text) {
  if (!is_valid_utf8(text)) return "(bytes that are not UTF-8)";
  return text.find('\0') == std::string_view::npos ? text : "(a text with NUL)";
}

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

void short_text(std::string_view name, const std::optional<std::string>& value) {
  if (value) check_short_text(in_quotes(name), *value, four_byte_refusal(name));
}

void format(std::string_view name, const std::optional<std::string>& value,
            const std::vector<std::string>& allowed) {
  if (!value || std::ranges::find(allowed, *value) != allowed.end()) return;
  refuse_schema(fmt::format("{} is not one of [None, '{}'] ({})", in_quotes(*value),
                            fmt::join(allowed, "', '"), in_quotes(name)));
}

void minimum(std::string_view name, std::int64_t value) {
  if (value < 0) {
    refuse_schema(fmt::format("{} is less than the minimum of 0 ({})", value, in_quotes(name)));
  }
  if (value > kMaxMinimum) {
    refuse_schema(fmt::format("{} is greater than the maximum of {} ({})", value, kMaxMinimum,
                              in_quotes(name)));
  }
}

void tag(std::string_view tag) {
  check_short_text(fmt::format("the tag {}", in_quotes(tag)), tag,
                   "Param values can't contain 4 byte unicode.");
}

void tags(const std::vector<std::string>& tags, const ImageLimits& limits) {
  for (const std::string& each : tags) tag(each);
  quota("tags", tags.size(), limits.image_tag_quota);
}

void property(const std::string& name, const std::string& value) {
  check_short_text(fmt::format("the property's name {}", in_quotes(name)), name,
                   "Property names can't contain 4 byte unicode.");
  check_text(in_quotes(name), value, fault_of_long_text(value), four_byte_refusal(name));
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

void quota(std::string_view what, std::size_t attempted, std::int64_t quota) {
  if (quota < 0 || std::cmp_less_equal(attempted, quota)) return;
  throw Error(Errc::over_quota,
              fmt::format("The limit has been exceeded on the number of allowed image {}. "
                          "Attempted: {}, Maximum: {}",
                          what, attempted, quota));
}

}  // namespace glance::checks
