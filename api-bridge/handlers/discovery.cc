// SPDX-License-Identifier: Apache-2.0
#include "api-bridge/handlers/discovery.h"

#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "api-bridge/handlers/image_schema.h"
#include "api-bridge/wire/http_error.h"
#include "catalog/config/config.h"

namespace glance::api {

using nlohmann::ordered_json;

std::vector<unsigned> api_minors(const Config& config) {
  // What came with stores that have ids is spoken only where they have.
  if (config.enabled_backends) return {15, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0};
  return {15, 9, 7, 6, 5, 4, 3, 2, 1, 0};
}

std::string public_url(const Config& config, const Request& request) {
  if (!config.public_endpoint) return request.base_url;
  auto url = *config.public_endpoint;
  while (url.ends_with('/')) url.pop_back();
  return url;
}

Response list_versions(const Config& config, const Request& request) {
  const auto href = public_url(config, request) + "/v2/";
  ordered_json versions = ordered_json::array();
  const auto minors = api_minors(config);
  for (const auto minor : minors) {
    versions.push_back({{"id", fmt::format("v2.{}", minor)},
                        {"status", minor == minors.front() ? "CURRENT" : "SUPPORTED"},
                        {"links", {{{"rel", "self"}, {"href", href}}}}});
  }
  return json_response(ordered_json{{"versions", versions}}.dump());
}

Response check_health(const Config& config) {
  std::error_code ignored;
  const auto& file = config.healthcheck_disable_file;
  const bool disabled = !file.empty() && std::filesystem::exists(file, ignored);
  return {.status = disabled ? 503 : 200,
          .headers = {{"Content-Type", "text/plain; charset=UTF-8"}},
          .body = disabled ? "DISABLED BY FILE" : "OK"};
}

Response show_schema(const Config& config, const Request& request) {
  const std::string_view name = request.parameter("name");
  if (name == "image") return json_response(image_schema(config).dump());
  if (name == "images") return json_response(images_schema(config).dump());
  if (name == "member") return json_response(member_schema().dump());
  if (name == "members") return json_response(members_schema().dump());
  throw HttpError(404, "The resource could not be found.");
}

}  // namespace glance::api
