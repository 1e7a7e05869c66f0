// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "api-bridge/wire/http.h"

namespace glance {
struct Config;
}

namespace glance::api {

/// The minor versions of the Image API that this server speaks, newest first: those of a Glance 25
/// without an image cache (docs/image-api.md, "Versions").
[[nodiscard]] std::vector<unsigned> api_minors(const Config& config);

/// What clients reach this server by: the configured endpoint, else the address they used.
[[nodiscard]] std::string public_url(const Config& config, const Request& request);

/// The versions document, 200.
[[nodiscard]] Response list_versions(const Config& config, const Request& request);

/// `GET /healthcheck`: 200, or 503 while the file exists by which operators take a server out of
/// service (`[healthcheck] disable_by_file_path`).
[[nodiscard]] Response check_health(const Config& config);

/// `GET /v2/schemas/{name}`: the JSON schema of an image, a member, or a list of them. Throws
/// HttpError 404 for other names.
[[nodiscard]] Response show_schema(const Config& config, const Request& request);

}  // namespace glance::api
