// SPDX-License-Identifier: Apache-2.0
#include "api-bridge/handlers/actions.h"

#include "api-bridge/handlers/images.h"

namespace glance::api {

Response deactivate_image(Catalog& catalog, const Request& request) {
  catalog.deactivate(request.caller, requested_id(request));
  return {.status = 204, .headers = {}, .body = {}};
}

Response reactivate_image(Catalog& catalog, const Request& request) {
  catalog.reactivate(request.caller, requested_id(request));
  return {.status = 204, .headers = {}, .body = {}};
}

}  // namespace glance::api
