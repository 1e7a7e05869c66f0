// SPDX-License-Identifier: Apache-2.0
#include "api-bridge/operation/access_log.h"

#include <chrono>

#include <gtest/gtest.h>

namespace glance::api {
namespace {

using namespace std::chrono_literals;

const std::chrono::system_clock::time_point kWhen{784111777s};

Request sample() {
  Request request;
  request.method = "GET";
  request.target = "/v2/images?name=a";
  request.peer = "192.0.2.1";
  request.request_id = "req-1";
  return request;
}

std::string line_of(const Request& request, int status = 200) {
  return access_line({.request = request, .status = status, .sent = 512, .time = 4ms}, kWhen);
}

TEST(AccessLine, IsTheCombinedFormatWithIdAndTime) {
  auto request = sample();
  request.caller.user = "admin";
  request.headers = {{"user-agent", "curl/8"}, {"Referer", "http://a/"}};
  EXPECT_EQ(line_of(request),
            "192.0.2.1 - admin [06/Nov/1994:08:49:37 +0000] \"GET /v2/images?name=a HTTP/1.1\" 200 "
            "512 \"http://a/\" \"curl/8\" req-1 0.004\n");
}

TEST(AccessLine, HasDashesForWhatIsNotKnown) {
  EXPECT_EQ(line_of(Request{}, 400),
            "- - - [06/Nov/1994:08:49:37 +0000] \"-\" 400 512 \"-\" \"-\" - 0.004\n");
}

TEST(AccessLine, SaysWhenTheClientWentAway) {
  EXPECT_NE(line_of(sample(), 0).find("\" 499 512 "), std::string::npos);
}

TEST(AccessLine, CannotBeForged) {
  auto request = sample();
  request.headers = {{"User-Agent", "a\" 200 \n\x1b[31m\\ \xff"}};
  request.request_id = "req-1 2\n";
  request.caller.user = "a b";
  const auto line = line_of(request);
  EXPECT_NE(line.find(R"("a\x22 200 \n\x1b[31m\\ \xff" req-1_2\n 0.004)"), std::string::npos);
  EXPECT_NE(line.find(" - a_b ["), std::string::npos);
  EXPECT_EQ(line.find('\n'), line.size() - 1);
}

TEST(AccessLine, ShowsNoTokenAndNoPassword) {
  auto request = sample();
  request.target = "http://user:secret@host/v2/images";
  request.headers = {{"X-Auth-Token", "token"}, {"Authorization", "Basic x"}};
  const auto line = line_of(request);
  EXPECT_NE(line.find("\"GET http://***@host/v2/images HTTP/1.1\""), std::string::npos);
  EXPECT_EQ(line.find("secret"), std::string::npos);
  EXPECT_EQ(line.find("token"), std::string::npos);
  EXPECT_EQ(line.find("Basic"), std::string::npos);
}

}  // namespace
}  // namespace glance::api
