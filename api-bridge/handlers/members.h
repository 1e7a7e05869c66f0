// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "api-bridge/wire/http.h"
#include "catalog/catalog.h"

namespace glance::api {

/// `GET /v2/images/{image_id}/members`: the projects that a shared image is shared with (contract
/// § 1.6). Throws Error as Catalog::members().
[[nodiscard]] Response list_members(Catalog& catalog, const Request& request);

/// `POST /v2/images/{image_id}/members` with `{"member": "<project>"}`: 200 and the member, whose
/// status is pending.
[[nodiscard]] Response create_member(Catalog& catalog, const Request& request);

/// `GET /v2/images/{image_id}/members/{member_id}`.
[[nodiscard]] Response show_member(Catalog& catalog, const Request& request);

/// `PUT /v2/images/{image_id}/members/{member_id}` with `{"status": "accepted"}`: the member's
/// answer; 200 and the member.
[[nodiscard]] Response update_member(Catalog& catalog, const Request& request);

/// `DELETE /v2/images/{image_id}/members/{member_id}`: 204.
[[nodiscard]] Response delete_member(Catalog& catalog, const Request& request);

}  // namespace glance::api
