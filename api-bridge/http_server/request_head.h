// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "api-bridge/http_server/limits.h"
#include "api-bridge/wire/http.h"

namespace glance::api {

/// A request's head taken apart.
struct RequestHead {
  Request request;  ///< all but its body, its caller and its parameters
  bool is_http_1_1 = true;
  bool keep_alive = false;        ///< whether the client wants it
  bool expects_continue = false;  ///< the body comes only once it is asked for
};

/// Where the request came in.
struct Endpoint {
  std::string_view scheme;  ///< http or https
  std::string_view local;   ///< our address, for clients that name no Host
};

/// Reads `text`, a raw head with its empty line, into `head`, in an order that leaves method,
/// target and request id there for the log whatever is wrong. Throws HttpError: 400 and 501 as
/// head_fault(), 414, 415 (a content coding), 417, 431.
void parse_request_head(std::string_view text, const Endpoint& endpoint, const ServerLimits& limits,
                        RequestHead& head);

}  // namespace glance::api
