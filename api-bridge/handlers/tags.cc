// SPDX-License-Identifier: Apache-2.0
#include "api-bridge/handlers/tags.h"

#include "api-bridge/handlers/images.h"

namespace glance::api {

Response add_tag(Catalog& catalog, const Request& request) {
  catalog.add_tag(request.caller, requested_id(request), request.parameter("tag"));
  return {.status = 204, .headers = {}, .body = {}};
}

Response delete_tag(Catalog& catalog, const Request& request) {
  catalog.remove_tag(request.caller, requested_id(request), request.parameter("tag"));
  return {.status = 204, .headers = {}, .body = {}};
}

}  // namespace glance::api
