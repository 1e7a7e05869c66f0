// SPDX-License-Identifier: Apache-2.0
#include "api-bridge/handlers/info.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "api-bridge/handlers/images.h"
#include "api-bridge/wire/http_error.h"

namespace glance::api {
namespace {

using nlohmann::ordered_json;

void require_stores(const Config& config) {
  if (config.enabled_backends) return;
  throw HttpError(404, "Multi backend is not supported at this site.");
}

ordered_json store_json(const Config& config) {
  ordered_json store = {{"id", config.store_id}};
  if (!config.store_description.empty()) store["description"] = config.store_description;
  store["default"] = "true";  // a string, as clients know it
  return store;
}

Response answer(const ordered_json& body) {
  return json_response(body.dump(-1, ' ', false, ordered_json::error_handler_t::replace));
}

}  // namespace

Response show_import_methods(Catalog&, const Request&) {
  return answer({{"import-methods",
                  {{"description", "Import methods available."},
                   {"type", "array"},
                   {"value", ordered_json::array()}}}});
}

Response list_stores(Catalog& catalog, const Request&) {
  require_stores(catalog.config());
  return answer({{"stores", ordered_json::array({store_json(catalog.config())})}});
}

Response list_stores_in_detail(Catalog& catalog, const Request& request) {
  const auto& config = catalog.config();
  require_stores(config);
  const bool is_service =
      std::ranges::find(request.caller.roles, "service") != request.caller.roles.end();
  if (!request.caller.is_admin && !is_service) {
    throw HttpError(403, "You are not authorized to complete stores_info_detail action.");
  }
  auto store = store_json(config);
  store["type"] = "file";
  store["properties"] = {{"data_dir", config.filesystem_store_datadir.string()},
                         {"chunk_size", config.filesystem_store_chunk_size},
                         {"thin_provisioning", config.filesystem_thin_provisioning}};
  return answer({{"stores", ordered_json::array({std::move(store)})}});
}

Response show_usage(Catalog&, const Request&) {
  return json_response(R"({"usage": {}})");
}

Response delete_from_store(Catalog& catalog, const Request& request) {
  const auto& config = catalog.config();
  const auto& store = request.parameter("store_id");
  if (!config.enabled_backends) throw HttpError(404, "The resource could not be found.");
  if (store != config.store_id) {
    throw HttpError(409,
                    fmt::format("The selected store {} is not available on this node.", store));
  }
  catalog.remove_from_store(request.caller, requested_id(request), store);
  return {.status = 204, .headers = {}, .body = {}};
}

}  // namespace glance::api
