// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "api-bridge/wire/http.h"
#include "catalog/catalog.h"

namespace glance::api {

/// `GET /v2/info/import`: the import methods that this server has (docs/image-api.md, "Imports and
/// stores").
[[nodiscard]] Response show_import_methods(Catalog& catalog, const Request& request);

/// `GET /v2/info/stores`: the stores that data can be put in. Throws HttpError 404 where stores
/// have no ids.
[[nodiscard]] Response list_stores(Catalog& catalog, const Request& request);

/// `GET /v2/info/stores/detail`: the same, and how each is set up. Throws HttpError 403 unless the
/// caller is an administrator or a service.
[[nodiscard]] Response list_stores_in_detail(Catalog& catalog, const Request& request);

/// `GET /v2/info/usage`: empty, as in a Glance without Keystone's limits.
[[nodiscard]] Response show_usage(Catalog& catalog, const Request& request);

/// `DELETE /v2/stores/{store_id}/{image_id}`: removes the image's data from that one of several
/// stores; 204.
[[nodiscard]] Response delete_from_store(Catalog& catalog, const Request& request);

}  // namespace glance::api
