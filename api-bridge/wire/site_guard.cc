// SPDX-License-Identifier: Apache-2.0
#include "api-bridge/wire/site_guard.h"

#include <algorithm>
#include <array>
#include <utility>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>

#include "api-bridge/wire/http_error.h"
#include "catalog/text/ascii.h"

namespace glance::api {
namespace {

/// What stands between `http://` and the path.
std::string_view authority_of(std::string_view url) {
  const auto scheme = url.find("://");
  if (scheme != std::string_view::npos) url.remove_prefix(scheme + 3);
  return url.substr(0, url.find_first_of("/?#"));
}

/// Without the port, and without the brackets around an IPv6 address; a name without the dot that
/// may end it.
std::string_view host_of(std::string_view authority) {
  if (authority.starts_with('[')) return authority.substr(1, authority.find(']') - 1);
  const auto colon = authority.find(':');
  // A second one: it is an IPv6 address, as people write it in a configuration.
  if (authority.find(':', colon + 1) == std::string_view::npos) {
    authority = authority.substr(0, colon);
  }
  if (authority.ends_with('.')) authority.remove_suffix(1);
  return authority;
}

/// An address as IPv6 has it, so that one in both families is one; nothing for a name.
std::optional<in6_addr> address_of(std::string_view host) {
  const std::string text(host.substr(0, host.find('%')));
  in6_addr address{};
  if (::inet_pton(AF_INET6, text.c_str(), &address) == 1) return address;
  if (::inet_pton(AF_INET6, ("::ffff:" + text).c_str(), &address) == 1) return address;
  return std::nullopt;
}

bool is_loopback(const in6_addr& address) {
  if (IN6_IS_ADDR_LOOPBACK(&address)) return true;
  constexpr unsigned char kLoopbackNet = 127;
  return IN6_IS_ADDR_V4MAPPED(&address) && address.s6_addr[12] == kLoopbackNet;
}

bool is_loopback_name(std::string_view host) {
  constexpr std::string_view kName = "localhost";  // and what is below it: RFC 6761 § 6.3
  if (host.size() < kName.size()) return false;
  const auto rest = host.substr(0, host.size() - kName.size());
  return equal_ignoring_case(host.substr(rest.size()), kName) &&
         (rest.empty() || rest.ends_with('.'));
}

bool is_same_host(std::string_view a, std::string_view b) {
  const auto first = address_of(a);
  const auto second = address_of(b);
  if (first && second) return IN6_ARE_ADDR_EQUAL(&*first, &*second);
  return !a.empty() && equal_ignoring_case(a, b);
}

}  // namespace

SiteGuard::SiteGuard(std::string listens_on, const std::optional<std::string>& public_endpoint)
    : listens_on_(std::move(listens_on)) {
  if (!public_endpoint) return;
  const std::string_view url = *public_endpoint;
  const auto authority = authority_of(url);
  public_host_ = std::string(host_of(authority));
  public_origin_ = std::string(url.substr(0, url.find("://") + 3)) + std::string(authority);
}

bool SiteGuard::is_ours(std::string_view host, std::string_view local) const {
  if (is_loopback_name(host)) return true;
  if (const auto address = address_of(host); address && is_loopback(*address)) return true;
  return is_same_host(host, listens_on_) || is_same_host(host, public_host_) ||
         is_same_host(host, host_of(local));
}

void SiteGuard::require_own_site(const Request& request, std::string_view local) const {
  const auto host = host_of(authority_of(request.base_url));
  if (!is_ours(host, local)) {
    throw HttpError(403, fmt::format("The host {} is not this server. Without authentication it "
                                     "answers to loopback names, the address that it listens on, "
                                     "and the host of public_endpoint.",
                                     host));
  }
  const auto origin = request.header("Origin");
  const bool is_own_origin = !origin || equal_ignoring_case(*origin, request.base_url) ||
                             (!origin->empty() && equal_ignoring_case(*origin, public_origin_));
  const auto site = trim(request.header("Sec-Fetch-Site").value_or(""));
  if (is_own_origin && !equal_ignoring_case(site, "cross-site")) return;
  throw HttpError(403,
                  "The request comes from a page of another web site (Origin, Sec-Fetch-Site). "
                  "Without authentication only this server's own are served.");
}

void require_api_media_type(const Request& request) {
  constexpr std::array<std::string_view, 2> kAllowed = {"application/json",
                                                        "application/octet-stream"};
  if (!request.has_body()) return;
  const auto field = request.header("Content-Type").value_or("");
  const auto type = trim(field.substr(0, field.find(';')));
  const bool known = std::ranges::any_of(
      kAllowed, [&](std::string_view allowed) { return equal_ignoring_case(type, allowed); });
  if (known) return;
  throw HttpError(
      415, fmt::format("A body of the media type '{}' is not supported by this server; allowed: "
                       "application/json, application/octet-stream.",
                       type));
}

}  // namespace glance::api
