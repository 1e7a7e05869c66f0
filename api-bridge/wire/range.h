// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include "api-bridge/wire/http.h"

namespace glance::api {

/// A stretch of an image's data, in bytes.
struct ByteRange {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;

  friend bool operator==(const ByteRange&, const ByteRange&) = default;
};

/// What a download asks for by `Range: bytes=a-b`, or by the `Content-Range: bytes a-b/*` that
/// old clients send (docs/image-api.md, "Data"); nothing when it asks for all of the `size` bytes.
/// Throws HttpError: 400 for several ranges, 416 for one that is malformed or not there.
[[nodiscard]] std::optional<ByteRange> requested_range(const Request& request, std::uint64_t size);

}  // namespace glance::api
