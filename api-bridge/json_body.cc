// SPDX-License-Identifier: Apache-2.0
#include "api-bridge/json_body.h"

#include <cmath>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "api-bridge/http_error.h"
#include "catalog/known_properties.h"

namespace glance::api {
namespace {

using nlohmann::json;

constexpr int kMaxDepth = 64;

[[noreturn]] void malformed() {
  throw HttpError(400, "Malformed JSON in request body.");
}

/// Looks at every part as the parser comes by, and refuses what the parser itself would accept.
class StrictParse {
 public:
  bool operator()(int depth, json::parse_event_t event, const json& part) {
    if (depth > kMaxDepth) throw HttpError(400, "The JSON in the request body is nested too deep.");
    if (part.is_string()) refuse_nul(part.get_ref<const std::string&>());
    if (event == json::parse_event_t::object_start) keys_.emplace_back();
    if (event == json::parse_event_t::object_end) keys_.pop_back();
    if (event == json::parse_event_t::key) refuse_repetition(part.get<std::string>());
    return true;
  }

 private:
  static void refuse_nul(const std::string& text) {
    if (text.find('\0') != std::string::npos) {
      throw HttpError(400, "The JSON in the request body holds a NUL character.");
    }
  }

  void refuse_repetition(const std::string& key) {
    if (!keys_.back().insert(key).second) {
      throw HttpError(400, fmt::format("The key '{}' comes twice in one JSON object.", key));
    }
  }

  std::vector<std::set<std::string>> keys_;  // of the objects around the current part
};

/// A value the way Glance's messages, which are Python's, show it; long ones are cut.
std::string shown(const json& value) {
  constexpr std::size_t kMaxShown = 200;
  if (value.is_null()) return "None";
  if (value.is_boolean()) return value.get<bool>() ? "True" : "False";
  auto text =
      value.is_string() ? fmt::format("'{}'", value.get_ref<const std::string&>()) : value.dump();
  if (text.size() <= kMaxShown) return text;
  auto end = kMaxShown;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  return text.substr(0, end) + "…";
}

[[noreturn]] void refuse_type(std::string_view name, const json& value, std::string_view wanted) {
  throw HttpError(400, fmt::format("Provided object does not match schema 'image': {} is not of "
                                   "type {}\n\nOn instance['{}']",
                                   shown(value), wanted, name));
}

/// JSON knows one kind of number: 1.0 is an integer.
AttributeValue integer_value(std::string_view name, const json& value) {
  if (value.is_number_unsigned()) {
    const auto number = value.get<std::uint64_t>();
    if (number <= std::uint64_t{INT64_MAX}) return static_cast<std::int64_t>(number);
  } else if (value.is_number_integer()) {
    return value.get<std::int64_t>();
  } else if (value.is_number_float()) {
    constexpr double kExact = 9007199254740992.0;  // 2^53: beyond it a double is no integer's value
    const auto number = value.get<double>();
    if (std::trunc(number) == number && std::abs(number) <= kExact) {
      return static_cast<std::int64_t>(number);
    }
  }
  refuse_type(name, value, "'integer'");
}

AttributeValue tags_value(std::string_view name, const json& value) {
  if (!value.is_array()) refuse_type(name, value, "'array'");
  std::vector<std::string> tags;
  for (const auto& tag : value) {
    if (!tag.is_string()) refuse_type(name, tag, "'string'");
    tags.push_back(tag.get<std::string>());
  }
  return tags;
}

bool is_nullable(std::string_view name) {
  return name == "name" || name == "owner" || name == "disk_format" || name == "container_format" ||
         name == "checksum" || name == "os_hash_algo" || name == "os_hash_value";
}

AttributeValue text_value(std::string_view name, const json& value, bool nullable) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_null() && nullable) return nullptr;
  refuse_type(name, value, nullable ? "'null', 'string'" : "'string'");
}

}  // namespace

json parse_json_body(std::string_view body) {
  if (body.empty()) throw HttpError(400, "Body expected in request.");
  json parsed;
  try {
    StrictParse strict;
    parsed = json::parse(body, [&strict](int depth, json::parse_event_t event, const json& part) {
      return strict(depth, event, part);
    });
  } catch (const json::exception&) {
    malformed();
  }
  if (!parsed.is_structured()) {
    throw HttpError(400, "Unexpected body type. Expected list/dict.");
  }
  return parsed;
}

AttributeValue attribute_value(std::string_view name, const json& value) {
  const auto* core = find_core_attribute(name);
  if (core == nullptr) {
    const auto* known = find_known_property(name);
    return text_value(name, value, known != nullptr && known->is_image_id);
  }
  switch (core->type) {
    case AttributeType::boolean:
      if (!value.is_boolean()) refuse_type(name, value, "'boolean'");
      return value.get<bool>();
    case AttributeType::integer:
      return integer_value(name, value);
    case AttributeType::tags:
      return tags_value(name, value);
    case AttributeType::text:
    case AttributeType::timestamp:
    case AttributeType::locations:
      return text_value(name, value, is_nullable(name));
  }
  return nullptr;
}

}  // namespace glance::api
