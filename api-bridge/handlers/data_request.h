// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include "api-bridge/wire/http.h"

namespace glance {
struct Config;
}

namespace glance::api {

/// Throws HttpError 415 unless the request's body is declared to be an image's data.
void require_octet_stream(const Request& request);

/// Throws HttpError 400 for a part of an image (Content-Range), which would otherwise be taken for
/// the whole: RFC 9110 § 14.5.
void require_whole_data(const Request& request);

/// How many bytes the client says that it will send: in `X-Openstack-Image-Size`, for data that
/// come in chunks, else in Content-Length. Throws HttpError: 400 for what is no number, 413 for
/// more than an image may have.
[[nodiscard]] std::optional<std::uint64_t> announced_size(const Request& request,
                                                          const Config& config);

/// Where stores have ids, `X-Image-Meta-Store` may name one. Throws HttpError 400 for one that this
/// server does not have.
void require_known_store(const Request& request, const Config& config);

}  // namespace glance::api
