// SPDX-License-Identifier: Apache-2.0
#include "api-bridge/wire/site_guard.h"

#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "api-bridge/wire/http_error.h"

namespace glance::api {
namespace {

Request request(const std::string& base_url, Headers headers = {}) {
  Request request;
  request.method = "GET";
  request.base_url = base_url;
  request.headers = std::move(headers);
  return request;
}

bool is_served(const SiteGuard& guard, const Request& request,
               std::string_view local = "127.0.0.1:9292") {
  try {
    guard.require_own_site(request, local);
    return true;
  } catch (const HttpError& error) {
    EXPECT_EQ(error.status(), 403);
    return false;
  }
}

TEST(SiteGuard, KnowsItsNames) {
  const SiteGuard guard("images.lan", "https://images.example:8443/glance");
  for (const auto* host : {"localhost", "a.localhost:1", "localhost.:1", "127.0.0.1", "127.1.2.3:4",
                           "[::1]", "[::1]:9292", "[::ffff:127.0.0.1]", "images.lan",
                           "IMAGES.LAN:80", "images.example", "images.example.:8443"}) {
    EXPECT_TRUE(is_served(guard, request("http://" + std::string(host)))) << host;
  }
  for (const auto* host :
       {"", ":9292", "localhost.evil", "xlocalhost", "192.0.2.1", "[::2]", "[", "[]", "lan",
        "x.images.lan", "images.example.evil", "::1x", "1.0.0.127"}) {
    EXPECT_FALSE(is_served(guard, request("http://" + std::string(host)))) << host;
  }
}

TEST(SiteGuard, KnowsTheAddressThatWasReached) {
  const SiteGuard guard("0.0.0.0");
  EXPECT_TRUE(is_served(guard, request("http://192.0.2.1:80"), "192.0.2.1:9292"));
  EXPECT_TRUE(is_served(guard, request("http://192.0.2.1"), "[::ffff:192.0.2.1]:9292"));
  EXPECT_TRUE(is_served(guard, request("http://[2001:DB8:0::1]:80"), "[2001:db8::1]:9292"));
  EXPECT_FALSE(is_served(guard, request("http://192.0.2.2"), "192.0.2.1:9292"));
  EXPECT_FALSE(is_served(guard, request("http://[2001:db8::2]"), "[2001:db8::1]:9292"));
}

TEST(SiteGuard, KnowsItsOwnPages) {
  const SiteGuard guard("::1", "https://images.example/glance");
  const auto from = [&](const std::string& origin) {
    return is_served(guard, request("http://localhost:9292", {{"Origin", origin}}));
  };
  EXPECT_TRUE(from("http://localhost:9292"));
  EXPECT_TRUE(from("https://images.example"));
  for (const auto* origin : {"http://localhost", "https://localhost:9292", "http://images.example",
                             "https://images.example:8443", "null", "", "http://evil.example"}) {
    EXPECT_FALSE(from(origin)) << origin;
  }
}

TEST(SiteGuard, WithoutAPublicEndpointAnEmptyOriginIsNobodys) {
  EXPECT_FALSE(is_served(SiteGuard("::1"), request("http://[::1]", {{"Origin", ""}})));
}

}  // namespace
}  // namespace glance::api
