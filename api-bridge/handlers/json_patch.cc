// SPDX-License-Identifier: Apache-2.0
#include "api-bridge/handlers/json_patch.h"

#include <array>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "api-bridge/handlers/image_request.h"
#include "api-bridge/handlers/json_body.h"
#include "api-bridge/handlers/location_patch.h"
#include "api-bridge/wire/http_error.h"
#include "catalog/text/ascii.h"

namespace glance::api {
namespace {

using nlohmann::json;

enum class Verb { add, replace, remove };

struct VerbName {
  std::string_view name;
  Verb verb;
};

constexpr std::array<VerbName, 3> kVerbs = {
    {{"add", Verb::add}, {"remove", Verb::remove}, {"replace", Verb::replace}}};

struct Operation {
  Verb verb;
  std::string_view verb_name;
  std::string pointer;
};

std::string text_member(const json& operation, const std::string& member) {
  const auto found = operation.find(member);
  if (found == operation.end()) {
    throw HttpError(400, fmt::format("Unable to find '{}' in JSON Schema change", member));
  }
  if (!found->is_string()) throw HttpError(400, fmt::format("'{}' must be a string.", member));
  return found->get<std::string>();
}

Operation operation_v2_1(const json& object) {
  const auto op = object.find("op");
  if (op == object.end()) {
    throw HttpError(400,
                    "Unable to find `op` in JSON Schema change. It must be one of the "
                    "following: add, remove, replace.");
  }
  for (const auto& [name, verb] : kVerbs) {
    if (*op == name) return {verb, name, text_member(object, "path")};
  }
  throw HttpError(400, fmt::format("Invalid operation: `{}`. It must be one of the following: "
                                   "add, remove, replace.",
                                   op->is_string() ? op->get<std::string>() : op->dump()));
}

Operation operation_v2_0(const json& object) {
  std::optional<Operation> operation;
  for (const auto& [name, verb] : kVerbs) {
    if (!object.contains(name)) continue;
    if (operation) {
      throw HttpError(400,
                      "Operation objects must contain only one member named \"add\", "
                      "\"remove\", or \"replace\".");
    }
    operation = Operation{verb, name, text_member(object, std::string(name))};
  }
  if (!operation) {
    throw HttpError(400,
                    "Operation objects must contain exactly one member named \"add\", "
                    "\"remove\", or \"replace\".");
  }
  return *std::move(operation);
}

/// Undoes the escapes of JSON Pointer: `~1` is `/`, `~0` is `~` (RFC 6901 § 4).
std::string unescape(std::string_view token, std::string_view pointer) {
  std::string out;
  for (std::size_t i = 0; i < token.size(); ++i) {
    if (token[i] != '~') {
      out.push_back(token[i]);
      continue;
    }
    const char escaped = i + 1 < token.size() ? token[i + 1] : '\0';
    if (escaped != '0' && escaped != '1') {
      throw HttpError(400, fmt::format("Pointer `{}` contains \"~\" not part of a recognized "
                                       "escape sequence.",
                                       pointer));
    }
    out.push_back(escaped == '0' ? '~' : '/');
    ++i;
  }
  return out;
}

/// The unescaped parts of a pointer. `/` alone is one part, the empty name.
std::vector<std::string> parts_of(std::string_view pointer) {
  if (!pointer.starts_with('/')) {
    throw HttpError(400, fmt::format("Pointer `{}` does not start with \"/\".", pointer));
  }
  auto tokens = pointer.substr(1);
  if (tokens.find("//") != std::string_view::npos || tokens.starts_with('/')) {
    throw HttpError(400, fmt::format("Pointer `{}` contains adjacent \"/\".", pointer));
  }
  if (tokens.ends_with('/')) {
    throw HttpError(400, fmt::format("Pointer `{}` end with \"/\".", pointer));
  }
  std::vector<std::string> parts;
  for (;;) {
    const auto slash = tokens.find('/');
    parts.push_back(unescape(tokens.substr(0, slash), pointer));
    if (slash == std::string_view::npos) return parts;
    tokens.remove_prefix(slash + 1);
  }
}

/// Below the root there is nothing to patch, except single locations.
void check_depth(const std::vector<std::string>& parts, const Operation& operation) {
  const bool single = parts.front() == "locations" && operation.verb != Verb::replace;
  if (parts.size() == (single ? 2U : 1U)) return;
  throw HttpError(400,
                  fmt::format("Invalid JSON pointer for this resource: '{}'", operation.pointer));
}

const json& value_of(const json& object, const Operation& operation) {
  const auto value = object.find("value");
  if (value == object.end()) {
    throw HttpError(400, fmt::format(R"(Operation "{}" requires a member named "value".)",
                                     operation.verb_name));
  }
  return *value;
}

LocationEdit location_edit(const json& object, const Operation& operation,
                           const std::vector<std::string>& parts) {
  switch (operation.verb) {
    case Verb::add:
      return {.kind = LocationEdit::Kind::add,
              .position = parts.at(1),
              .locations = {parse_location(value_of(object, operation))}};
    case Verb::remove:
      return {.kind = LocationEdit::Kind::remove, .position = parts.at(1), .locations = {}};
    case Verb::replace:
      break;
  }
  return {.kind = LocationEdit::Kind::replace,
          .position = "-",
          .locations = parse_locations(value_of(object, operation))};
}

AttributeEdit::Kind kind_of(Verb verb, PatchDialect dialect) {
  switch (verb) {
    case Verb::remove:
      return AttributeEdit::Kind::remove;
    case Verb::replace:
      return AttributeEdit::Kind::replace;
    case Verb::add:
      break;
  }
  return dialect == PatchDialect::v2_0 ? AttributeEdit::Kind::create : AttributeEdit::Kind::put;
}

/// Nothing for an operation that changes nothing.
std::optional<ImageEdit> parse_operation(const json& object, PatchDialect dialect,
                                         const IsShown& is_shown) {
  if (!object.is_object()) throw HttpError(400, "Operations must be JSON objects.");
  const auto operation =
      dialect == PatchDialect::v2_1 ? operation_v2_1(object) : operation_v2_0(object);
  const auto parts = parts_of(operation.pointer);
  const auto& name = parts.front();
  check_depth(parts, operation);
  if (name == "locations") return location_edit(object, operation, parts);

  AttributeEdit edit{.kind = kind_of(operation.verb, dialect), .name = name, .value = {}};
  if (operation.verb == Verb::remove) {
    refuse_unsettable(name);
    return edit;
  }
  const auto& value = value_of(object, operation);
  if (is_shown && is_read_only(name) && is_shown(name, value)) return std::nullopt;
  refuse_unsettable(name);
  edit.value = attribute_value(name, value);
  return edit;
}

}  // namespace

PatchDialect patch_dialect(std::string_view content_type) {
  const auto type = trim(content_type.substr(0, content_type.find(';')));
  if (equal_ignoring_case(type, "application/openstack-images-v2.1-json-patch")) {
    return PatchDialect::v2_1;
  }
  if (equal_ignoring_case(type, "application/openstack-images-v2.0-json-patch")) {
    return PatchDialect::v2_0;
  }
  throw HttpError(415,
                  fmt::format("The request media type {} is not supported by this server.", type),
                  {}, {{"Accept-Patch", std::string(kAcceptPatch)}});
}

std::vector<ImageEdit> parse_patch(std::string_view body, PatchDialect dialect,
                                   const IsShown& is_shown, std::size_t max_depth) {
  const auto operations = parse_json_body(body, max_depth);
  if (!operations.is_array()) {
    throw HttpError(400, "Request body must be a JSON array of operation objects.");
  }
  std::vector<ImageEdit> edits;
  edits.reserve(operations.size());
  for (const auto& operation : operations) {
    auto edit = parse_operation(operation, dialect, is_shown);
    if (edit) edits.push_back(*std::move(edit));
  }
  return edits;
}

}  // namespace glance::api
