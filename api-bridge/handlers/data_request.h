// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include "api-bridge/wire/http.h"
#include "catalog/model/image.h"

namespace glance {
struct Config;
}

namespace glance::api {

/// Throws HttpError 415 unless the request's body is declared to be an image's data.
void require_octet_stream(const Request& request);

/// How many bytes the client says that it will send: in `X-Openstack-Image-Size`, for data that
/// come in chunks, else in Content-Length. Throws HttpError: 400 for what is no number, 413 for
/// more than an image may have.
[[nodiscard]] std::optional<std::uint64_t> announced_size(const Request& request,
                                                          const Config& config);

/// Where stores have ids, `X-Image-Meta-Store` may name one. Throws HttpError 400 for one that this
/// server does not have.
void require_known_store(const Request& request, const Config& config);

/// An image whose data are to be checked against a signature (all of `img_signature`,
/// `img_signature_hash_method`, `img_signature_key_type`, `img_signature_certificate_uuid`) must
/// not become active unchecked. Throws HttpError 400: this server has no key manager to ask.
void refuse_signed(const Image& image);

}  // namespace glance::api
