// SPDX-License-Identifier: Apache-2.0
#include "api-bridge/handlers/json_body.h"

#include <cmath>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "api-bridge/wire/http_error.h"
#include "catalog/model/known_properties.h"

namespace glance::api {
namespace {

using nlohmann::json;

[[noreturn]] void malformed() {
  throw HttpError(400, "Malformed JSON in request body.");
}

/// Looks at every part of a text before it is parsed, and refuses what the parser itself would
/// accept. A pass of its own: json::parse() with a callback takes quadratic time for a long array.
class StrictReading final : public json::json_sax_t {
 public:
  explicit StrictReading(std::size_t max_depth) : max_depth_(max_depth) {}

  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool parse_error(std::size_t, const std::string&, const json::exception&) override {
    return false;
  }

  bool string(string_t& text) override {
    refuse_nul(text);
    return true;
  }

  bool key(string_t& key) override {
    refuse_nul(key);
    if (!keys_.back().insert(key).second) {
      throw HttpError(400, fmt::format("The key '{}' comes twice in one JSON object.", key));
    }
    return true;
  }

  bool start_object(std::size_t) override { return deeper(); }
  bool start_array(std::size_t) override { return deeper(); }
  bool end_object() override { return higher(); }
  bool end_array() override { return higher(); }

 private:
  static void refuse_nul(const std::string& text) {
    if (text.find('\0') != std::string::npos) {
      throw HttpError(400, "The JSON in the request body holds a NUL character.");
    }
  }

  bool deeper() {
    keys_.emplace_back();
    if (keys_.size() > max_depth_) {
      throw HttpError(400, "The JSON in the request body is nested too deep.");
    }
    return true;
  }

  bool higher() {
    keys_.pop_back();
    return true;
  }

  const std::size_t max_depth_;
  std::vector<std::set<std::string>> keys_;  // of the objects and arrays around the current part
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

json parse_json_body(std::string_view body, std::size_t max_depth) {
  if (body.empty()) throw HttpError(400, "Body expected in request.");
  json parsed;
  try {
    StrictReading strict(max_depth);
    if (!json::sax_parse(body, &strict)) malformed();
    parsed = json::parse(body);
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
