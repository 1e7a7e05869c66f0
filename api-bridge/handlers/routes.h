// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "api-bridge/wire/router.h"

namespace glance {
class Catalog;
}

namespace glance::api {

/// The routing table of the Image API over a catalog, which must outlive the router.
[[nodiscard]] Router make_router(Catalog& catalog);

}  // namespace glance::api
