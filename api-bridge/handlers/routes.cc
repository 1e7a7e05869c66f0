// SPDX-License-Identifier: Apache-2.0
#include "api-bridge/handlers/routes.h"

#include <utility>
#include <vector>

#include "api-bridge/handlers/actions.h"
#include "api-bridge/handlers/discovery.h"
#include "api-bridge/handlers/image_data.h"
#include "api-bridge/handlers/images.h"
#include "api-bridge/handlers/info.h"
#include "api-bridge/handlers/members.h"
#include "api-bridge/handlers/stage.h"
#include "api-bridge/handlers/tags.h"
#include "api-bridge/wire/conditional.h"
#include "catalog/catalog.h"

namespace glance::api {
namespace {

/// What the handler answers depends on the caller, so that no cache may give it to others.
Handler with(Catalog& catalog, Response (*handler)(Catalog&, const Request&)) {
  return [&catalog, handler](const Request& request) {
    auto response = handler(catalog, request);
    response.headers.emplace_back("Cache-Control", kOfOneCaller);
    return response;
  };
}

/// What the handler answers is the same for all.
Handler for_all(Catalog& catalog, Response (*handler)(Catalog&, const Request&)) {
  return [&catalog, handler](const Request& request) { return handler(catalog, request); };
}

Handler with_tag(Handler handler) {
  return [handler = std::move(handler)](const Request& request) {
    return tagged(request, handler(request));
  };
}

SinkHandler with(Catalog& catalog, std::unique_ptr<BodySink> (*handler)(Catalog&, const Request&)) {
  return [&catalog, handler](const Request& request) { return handler(catalog, request); };
}

}  // namespace

Router make_router(Catalog& catalog) {
  std::vector<Route> routes = {
      // Glance reads past a body here, though it refuses one everywhere else.
      {"GET", "images", BodyKind::buffered, with(catalog, list_images)},
      {"POST", "images", BodyKind::buffered, with(catalog, create_image)},
      {"GET", "images/{image_id}", BodyKind::none, with_tag(with(catalog, show_image))},
      {"HEAD", "images/{image_id}", BodyKind::none, with_tag(with(catalog, show_image))},
      {"PATCH", "images/{image_id}", BodyKind::buffered, with(catalog, update_image)},
      {"DELETE", "images/{image_id}", BodyKind::none, with(catalog, delete_image)},
      {"GET", "images/{image_id}/file", BodyKind::none, with(catalog, download_image_data)},
      {"HEAD", "images/{image_id}/file", BodyKind::none, with(catalog, download_image_data)},
      {"PUT", "images/{image_id}/file", BodyKind::stream, with(catalog, upload_image_data)},
      {"POST", "images/{image_id}/actions/deactivate", BodyKind::none,
       with(catalog, deactivate_image)},
      {"POST", "images/{image_id}/actions/reactivate", BodyKind::none,
       with(catalog, reactivate_image)},
      {"PUT", "images/{image_id}/stage", BodyKind::stream, with(catalog, stage_image_data)},
      {"GET", "images/{image_id}/members", BodyKind::none, with(catalog, list_members)},
      {"POST", "images/{image_id}/members", BodyKind::buffered, with(catalog, create_member)},
      {"GET", "images/{image_id}/members/{member_id}", BodyKind::none, with(catalog, show_member)},
      {"PUT", "images/{image_id}/members/{member_id}", BodyKind::buffered,
       with(catalog, update_member)},
      {"DELETE", "images/{image_id}/members/{member_id}", BodyKind::none,
       with(catalog, delete_member)},
      {"PUT", "images/{image_id}/tags/{tag}", BodyKind::none, with(catalog, add_tag)},
      {"DELETE", "images/{image_id}/tags/{tag}", BodyKind::none, with(catalog, delete_tag)},
      {"GET", "info/import", BodyKind::none, for_all(catalog, show_import_methods)},
      {"GET", "info/stores", BodyKind::none, for_all(catalog, list_stores)},
      {"GET", "info/stores/detail", BodyKind::none, with(catalog, list_stores_in_detail)},
      {"GET", "info/usage", BodyKind::none, with(catalog, show_usage)},
      {"DELETE", "stores/{store_id}/{image_id}", BodyKind::none, with(catalog, delete_from_store)},
      {"GET", "schemas/{name}", BodyKind::none,
       [&catalog](const Request& request) { return show_schema(catalog.config(), request); }},
  };
  const auto& config = catalog.config();
  Router router(
      std::move(routes),
      [&config](const Request& request) { return list_versions(config, request); },
      api_minors(config));
  router.add_page("healthcheck", [&config](const Request&) { return check_health(config); });
  return router;
}

}  // namespace glance::api
