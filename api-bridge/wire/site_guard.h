// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "api-bridge/wire/http.h"

namespace glance::api {

/// Keeps web pages out of a server that asks nobody who he is. Whoever can reach such a server is
/// its administrator, and every browser on the machine can: a page that its user looks at may send
/// requests here, by a name of its own that it has point to us (DNS rebinding), or across sites,
/// in the few forms that browsers send without asking first (https://fetch.spec.whatwg.org/, "CORS
/// protocol"). Programs that are no browsers notice little of this. Immutable, safe for concurrent
/// use.
class SiteGuard {
 public:
  /// `listens_on` is the host that the server was told to listen on, a name or an address.
  explicit SiteGuard(std::string listens_on,
                     const std::optional<std::string>& public_endpoint = std::nullopt);

  /// Throws HttpError 403, unless the request names us as its Host and no other site sends it.
  /// We are loopback names and addresses, what the server listens on, the host of its public
  /// endpoint, and `local`, the address of this connection's own end, with its port. Ports do not
  /// matter in a Host: only names can be pointed elsewhere.
  void require_own_site(const Request& request, std::string_view local) const;

 private:
  [[nodiscard]] bool is_ours(std::string_view host, std::string_view local) const;

  std::string listens_on_;
  std::string public_origin_;  // empty: none
  std::string public_host_;
};

/// Throws HttpError 415 for a body that is neither JSON nor octets by its Content-Type: forms,
/// plain text and bodies without a type are what a page of another site may send without asking.
void require_api_media_type(const Request& request);

}  // namespace glance::api
