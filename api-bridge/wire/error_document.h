// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "api-bridge/wire/http.h"
#include "api-bridge/wire/http_error.h"

namespace glance::api {

/// An error document in HTML, JSON or plain text, whichever `accept` (the value of the request's
/// Accept header, empty when absent) likes best (docs/image-api.md, "Errors").
[[nodiscard]] Response error_response(const HttpError& error, std::string_view accept);

}  // namespace glance::api
