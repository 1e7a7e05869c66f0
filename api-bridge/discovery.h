// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>

#include "api-bridge/http.h"

namespace glance {
struct Config;
}

namespace glance::api {

/// The minor versions of the Image API that this server speaks, newest first: those of a Glance
/// without an image cache and with one store (contract § 1.1).
inline constexpr std::array<unsigned, 10> kApiMinors = {15, 9, 7, 6, 5, 4, 3, 2, 1, 0};

/// What clients reach this server by: the configured endpoint, else the address they used.
[[nodiscard]] std::string public_url(const Config& config, const Request& request);

/// The versions document, 200.
[[nodiscard]] Response list_versions(const Config& config, const Request& request);

/// `GET /v2/schemas/{name}`: the JSON schema of an image, a member, or a list of them. Throws
/// HttpError 404 for other names.
[[nodiscard]] Response show_schema(const Config& config, const Request& request);

}  // namespace glance::api
