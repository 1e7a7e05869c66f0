// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "api-bridge/wire/http.h"
#include "catalog/model/digests.h"
#include "catalog/model/image.h"

namespace glance::api {

/// What a request's fields say about its body: Content-MD5 (base64 as RFC 1864 has it, or the hex
/// that Glance itself sends), Repr-Digest and Content-Digest (RFC 9530) by md5, sha-256 or sha-512;
/// without a content coding the two mean the same. Unknown algorithms are passed over, as RFC 9530
/// wants it. Of several SHA digests one is checked, `preferred` (an OpenSSL name) before others.
/// The size is not set. Throws HttpError 400: malformed, or two fields that contradict each other.
[[nodiscard]] Expectation announced_digests(const Request& request, std::string_view preferred);

}  // namespace glance::api
