// SPDX-License-Identifier: Apache-2.0
#include "api-bridge/handlers/data_request.h"

#include <fmt/format.h>

#include "api-bridge/wire/http_error.h"
#include "catalog/config/config.h"
#include "catalog/text/ascii.h"

namespace glance::api {

void require_octet_stream(const Request& request) {
  const auto type = request.header("Content-Type").value_or("");
  if (equal_ignoring_case(trim(type.substr(0, type.find(';'))), "application/octet-stream")) return;
  throw HttpError(415,
                  fmt::format("The request media type {} is not supported by this server.", type));
}

void require_whole_data(const Request& request) {
  const auto range = request.header("Content-Range");
  if (!range) return;
  throw HttpError(400, fmt::format("Content-Range '{}': an image's data are taken as a whole, and "
                                   "not in parts.",
                                   *range));
}

std::optional<std::uint64_t> announced_size(const Request& request, const Config& config) {
  auto size = request.content_length;
  if (const auto text = request.header("X-Openstack-Image-Size")) {
    size = parse_digits(trim(*text));
    if (!size) throw HttpError(400, "x-openstack-image-size must be a number of bytes.");
  }
  if (size.value_or(0) > config.limits.image_size_cap) {
    throw HttpError(413, fmt::format("The image's data exceed the maximum of {} bytes.",
                                     config.limits.image_size_cap));
  }
  return size;
}

void require_known_store(const Request& request, const Config& config) {
  const auto store = request.header("X-Image-Meta-Store");
  if (!store || !config.enabled_backends || trim(*store) == config.store_id) return;
  throw HttpError(400, fmt::format("Store for identifier {} not found", trim(*store)));
}

}  // namespace glance::api
