// SPDX-License-Identifier: Apache-2.0
#include "api-bridge/wire/router.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "api-bridge/wire/http_error.h"
#include "catalog/text/ascii.h"

namespace glance::api {
namespace {

using Parameters = decltype(Request::parameters);

constexpr std::array<std::string_view, 6> kMethods = {"GET", "HEAD",   "POST",
                                                      "PUT", "DELETE", "PATCH"};

/// The parameters, if `path` has the shape of `pattern`.
std::optional<Parameters> match_pattern(std::string_view pattern,
                                        const std::vector<std::string>& path) {
  Parameters parameters;
  for (std::size_t i = 0; i < path.size(); ++i) {
    const auto slash = pattern.find('/');
    const auto expected = pattern.substr(0, slash);
    if (expected.starts_with('{')) {
      if (path[i].empty()) return std::nullopt;
      parameters.emplace(expected.substr(1, expected.size() - 2), path[i]);
    } else if (expected != path[i]) {
      return std::nullopt;
    }
    const bool pattern_ends = slash == std::string_view::npos;
    const bool path_ends = i + 1 == path.size();
    if (pattern_ends || path_ends) {
      if (pattern_ends && path_ends) return parameters;
      return std::nullopt;
    }
    pattern.remove_prefix(slash + 1);
  }
  return std::nullopt;
}

bool asks_for_versions(const std::vector<std::string>& path) {
  return path.front() == "versions" && (path.size() == 1 || (path.size() == 2 && path[1].empty()));
}

Response to_version_root(const Request& request) {
  return {.status = 302,
          .headers = {{"Content-Type", "text/plain; charset=UTF-8"},
                      {"Location", fmt::format("{}/{}/", request.base_url, request.path.front())}},
          .body = std::string()};
}

}  // namespace

Router::Router(std::vector<Route> routes, Handler versions, std::vector<unsigned> minors)
    : routes_(std::move(routes)), versions_(std::move(versions)), minors_(std::move(minors)) {}

bool Router::is_version_prefix(std::string_view segment) const noexcept {
  if (segment == "v2") return true;
  return std::ranges::any_of(minors_, [&](unsigned minor) {
    return segment.starts_with("v2.") && parse_digits(segment.substr(3)) == minor &&
           segment.size() == (minor < 10 ? 4U : 5U);
  });
}

/// Clients may name the version in the Accept header instead of the path (docs/image-api.md,
/// "Versions").
bool Router::accepts_version(const Request& request) const {
  constexpr std::string_view kVendor = "application/vnd.openstack.images-";
  const auto accept = trim(request.header("Accept").value_or(""));
  return accept.starts_with(kVendor) && is_version_prefix(accept.substr(kVendor.size()));
}

/// The segments below the version; nothing if the request is outside of the API.
std::optional<std::vector<std::string>> Router::path_in_api(const Request& request) const {
  if (is_version_prefix(request.path.front())) {
    return std::vector(request.path.begin() + 1, request.path.end());
  }
  if (accepts_version(request)) return request.path;
  return std::nullopt;
}

void Router::add_page(std::string name, Handler handler) {
  pages_.insert_or_assign(std::move(name), std::move(handler));
}

std::variant<const Route*, Response> Router::match(Request& request) const {
  if (request.method == "OPTIONS") return Response{.status = 200, .headers = {}, .body = {}};
  if (const auto page = pages_.find(request.path.front());
      request.path.size() == 1 && page != pages_.end()) {
    return page->second(request);
  }
  const auto path = path_in_api(request);
  if (!path) {
    auto versions = versions_(request);
    versions.status = asks_for_versions(request.path) ? 200 : 300;
    return versions;
  }
  if (path->empty()) return to_version_root(request);

  const auto* route = find(request, *path);
  if (route->body == BodyKind::none && request.has_body()) {
    throw HttpError(400, "A body is not expected with this request.");
  }
  return route;
}

const Route* Router::find(Request& request, const std::vector<std::string>& path) const {
  std::vector<std::string_view> allowed;
  for (const auto& route : routes_) {
    auto parameters = match_pattern(route.pattern, path);
    if (!parameters) continue;
    if (route.method == request.method) {
      request.parameters = *std::move(parameters);
      return &route;
    }
    allowed.push_back(route.method);
  }
  if (!allowed.empty()) {
    throw HttpError(405,
                    fmt::format("The method {} is not allowed for this resource.", request.method),
                    {}, {{"Allow", fmt::format("{}", fmt::join(allowed, ", "))}});
  }
  if (std::ranges::find(kMethods, request.method) == kMethods.end()) {
    throw HttpError(501, fmt::format("The request method {} is not implemented for this server.",
                                     request.method));
  }
  throw HttpError(404, "The resource could not be found.");
}

}  // namespace glance::api
