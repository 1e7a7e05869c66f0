// SPDX-License-Identifier: Apache-2.0
#include "api-bridge/handlers/members.h"

#include <string>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "api-bridge/handlers/images.h"
#include "api-bridge/handlers/json_body.h"
#include "api-bridge/wire/http_error.h"
#include "catalog/model/attributes.h"
#include "catalog/model/timestamp.h"

namespace glance::api {
namespace {

using nlohmann::ordered_json;

ordered_json member_json(const ImageMember& member) {
  return {{"member_id", member.member},
          {"image_id", member.image_id.text()},
          {"status", to_string(member.status)},
          {"created_at", format_api_time(member.created_at)},
          {"updated_at", format_api_time(member.updated_at)},
          {"schema", "/v2/schemas/member"}};
}

Response answer(const ordered_json& body) {
  return json_response(body.dump(-1, ' ', false, ordered_json::error_handler_t::replace));
}

/// The one member of the body's object that counts. `what` and `form` are for the refusals.
std::string body_text(const Request& request, const std::string& key, std::string_view what,
                      std::string_view form) {
  const auto body = parse_json_body(request.body, request.json_depth);
  if (!body.is_object()) {
    throw HttpError(400, fmt::format("Expected a {} in the form: {}", key, form));
  }
  const auto found = body.find(key);
  if (found == body.end()) throw HttpError(400, std::string(what));
  if (!found->is_string()) throw HttpError(400, fmt::format("The {} must be a string.", key));
  return found->get<std::string>();
}

}  // namespace

Response list_members(Catalog& catalog, const Request& request) {
  auto members = ordered_json::array();
  for (const auto& member : catalog.members(request.caller, requested_id(request))) {
    members.push_back(member_json(member));
  }
  return answer({{"members", std::move(members)}, {"schema", "/v2/schemas/members"}});
}

Response create_member(Catalog& catalog, const Request& request) {
  const auto project = body_text(request, "member", "Member to be added not specified",
                                 R"({"member": "project id"})");
  const auto member = catalog.add_member(request.caller, requested_id(request), project);
  return answer(member_json(member));
}

Response show_member(Catalog& catalog, const Request& request) {
  const auto member =
      catalog.member(request.caller, requested_id(request), request.parameter("member_id"));
  return answer(member_json(member));
}

Response update_member(Catalog& catalog, const Request& request) {
  const auto text =
      body_text(request, "status", "Status not specified", R"({"status": "accepted"})");
  const auto status = parse_member_status(text);
  if (!status) {
    throw HttpError(400,
                    R"(Incorrect request: Status must be "pending", "accepted" or "rejected".)");
  }
  const auto member = catalog.set_member_status(request.caller, requested_id(request),
                                                request.parameter("member_id"), *status);
  return answer(member_json(member));
}

Response delete_member(Catalog& catalog, const Request& request) {
  catalog.remove_member(request.caller, requested_id(request), request.parameter("member_id"));
  return {.status = 204, .headers = {}, .body = {}};
}

}  // namespace glance::api
