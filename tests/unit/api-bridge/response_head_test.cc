// SPDX-License-Identifier: Apache-2.0
#include "api-bridge/wire/response_head.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace glance::api {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(ResponseHead, HasLengthAndDate) {
  EXPECT_EQ(response_head(json_response("{}"), {.now = 784111777}),
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
            "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n");
}

TEST(ResponseHead, OfAnAnswerWithoutBodyHasNoLength) {
  EXPECT_THAT(response_head({.status = 204, .headers = {}, .body = {}}, {}),
              Not(HasSubstr("Content-Length")));
  EXPECT_THAT(response_head({.status = 200, .headers = {}, .body = {}}, {}),
              HasSubstr("Content-Length: 0\r\n"));
}

TEST(ResponseHead, SaysWhetherTheConnectionStays) {
  const Response response;
  EXPECT_THAT(response_head(response, {}), Not(HasSubstr("Connection")));
  EXPECT_THAT(response_head(response, {.keep_alive = false}), HasSubstr("Connection: close\r\n"));
  EXPECT_THAT(response_head(response, {.is_http_1_1 = false}),
              HasSubstr("Connection: keep-alive\r\n"));
}

TEST(ResponseHead, LetsNoValueEndItsLine) {
  Response response;
  response.headers = {{"Location", "http://a\r\nSet-Cookie: b"}};
  EXPECT_THAT(response_head(response, {}), HasSubstr("Location: http://a  Set-Cookie: b\r\n"));
}

}  // namespace
}  // namespace glance::api
