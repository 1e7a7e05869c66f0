// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "api-bridge/wire/http.h"

namespace glance::api {

/// What a route does with a request's body.
enum class BodyKind {
  none,      ///< a body is an error
  buffered,  ///< read whole into Request::body before the handler is called
  stream,    ///< handed piece by piece to the sink that the handler makes
};

/// Answers a request; blocks on the catalog; throws HttpError or Error.
using Handler = std::function<Response(const Request&)>;

/// Takes a request whose body is still to come; refuses it by throwing.
using SinkHandler = std::function<std::unique_ptr<BodySink>(const Request&)>;

/// One line of the routing table.
struct Route {
  std::string_view method;
  /// Segments below the version, e.g. `images/{image_id}/file`; `{name}` matches any one segment
  /// but an empty one and becomes a parameter of the request.
  std::string_view pattern;
  BodyKind body;
  std::variant<Handler, SinkHandler> handler;  ///< a SinkHandler if, and only if, it streams
};

/// Finds the route of a request, by the rules that hold for all of the Image API (contract
/// § 0.1): version prefixes and their absence, unknown paths and methods, unexpected bodies.
/// Immutable, safe for concurrent use.
class Router {
 public:
  /// `versions` answers whatever is outside of the API: its status is made 300 unless the
  /// version list itself was asked for. `minors` are the API's versions, v2.N;
  /// without them only `v2` is known.
  Router(std::vector<Route> routes, Handler versions, std::vector<unsigned> minors = {});

  /// Answers requests for `/name`, outside of the API; `handler` must not block. Before the first
  /// match() only.
  void add_page(std::string name, Handler handler);

  /// The route, with the request's parameters set, or the answer if there is none. Does not
  /// block. Throws HttpError.
  [[nodiscard]] std::variant<const Route*, Response> match(Request& request) const;

 private:
  [[nodiscard]] const Route* find(Request& request, const std::vector<std::string>& path) const;

  /// Whether the text is the prefix of a version of the API: `v2`, `v2.9`, …
  [[nodiscard]] bool is_version_prefix(std::string_view segment) const noexcept;
  [[nodiscard]] bool accepts_version(const Request& request) const;
  [[nodiscard]] std::optional<std::vector<std::string>> path_in_api(const Request& request) const;

  std::vector<Route> routes_;
  Handler versions_;
  std::vector<unsigned> minors_;
  std::map<std::string, Handler, std::less<>> pages_;
};

}  // namespace glance::api
