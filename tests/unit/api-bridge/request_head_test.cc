// SPDX-License-Identifier: Apache-2.0
#include "api-bridge/http_server/request_head.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api-bridge/wire/http_error.h"

namespace glance::api {
namespace {

constexpr Endpoint kEndpoint{.scheme = "https", .local = "127.0.0.1:9292"};

RequestHead parse(const std::string& line, const std::string& fields = "Host: glance\r\n") {
  RequestHead head;
  parse_request_head(line + "\r\n" + fields + "\r\n", kEndpoint, {}, head);
  return head;
}

int refusal(const std::string& line, const std::string& fields = "Host: glance\r\n") {
  try {
    (void)parse(line, fields);
  } catch (const HttpError& error) {
    return error.status();
  }
  return 0;
}

TEST(RequestHead, IsTakenApart) {
  const auto head = parse("PUT /v2/images/a%20b/file?x=1 HTTP/1.1",
                          "Host: glance:80\r\nContent-Length: 12\r\nX: y\r\n");
  EXPECT_EQ(head.request.method, "PUT");
  EXPECT_EQ(head.request.target, "/v2/images/a%20b/file?x=1");
  EXPECT_THAT(head.request.path, testing::ElementsAre("v2", "images", "a b", "file"));
  EXPECT_THAT(head.request.query, testing::ElementsAre(testing::Pair("x", "1")));
  EXPECT_EQ(head.request.header("x"), "y");
  EXPECT_EQ(head.request.content_length, 12U);
  EXPECT_FALSE(head.request.is_chunked);
  EXPECT_EQ(head.request.base_url, "https://glance:80");
  EXPECT_TRUE(head.is_http_1_1);
  EXPECT_TRUE(head.keep_alive);
  EXPECT_FALSE(head.expects_continue);
}

TEST(RequestHead, KnowsWhatTheClientCalledUs) {
  EXPECT_EQ(parse("GET / HTTP/1.0", "").request.base_url, "https://127.0.0.1:9292");
  EXPECT_EQ(parse("GET http://other/ HTTP/1.1").request.base_url, "https://other");
}

TEST(RequestHead, OfALaterMinorVersionIsUnderstoodAs11) {
  const auto head = parse("GET /1.9 HTTP/1.2", "Host: glance\r\nExpect: 100-continue\r\n");
  EXPECT_TRUE(head.is_http_1_1);
  EXPECT_TRUE(head.keep_alive);
  EXPECT_TRUE(head.expects_continue);
  EXPECT_EQ(head.request.target, "/1.9");
  EXPECT_EQ(refusal("GET / HTTP/1.9", ""), 400);  // without a Host, as in 1.1
  for (const auto* line :
       {"GET / HTTP/2.0", "GET / HTTP/1.10", "GET / HTTP/1.", "GET / HTTP/1.x"}) {
    EXPECT_EQ(refusal(line), 400) << line;
  }
}

TEST(RequestHead, AnEmptyExpectationIsNone) {
  for (const auto* field : {"Expect:\r\n", "Expect: \t \r\n"}) {
    EXPECT_FALSE(parse("PUT / HTTP/1.1", std::string("Host: a\r\n") + field).expects_continue);
  }
  EXPECT_EQ(refusal("PUT / HTTP/1.1", "Host: a\r\nExpect: more\r\n"), 417);
}

TEST(RequestHead, KnowsWhetherTheConnectionStays) {
  EXPECT_FALSE(parse("GET / HTTP/1.1", "Host: a\r\nConnection: close\r\n").keep_alive);
  EXPECT_FALSE(parse("GET / HTTP/1.0", "").keep_alive);
  EXPECT_TRUE(parse("GET / HTTP/1.0", "Connection: keep-alive\r\n").keep_alive);
}

TEST(RequestHead, HasARequestIdOfItsOwnOrTheClients) {
  EXPECT_THAT(parse("GET / HTTP/1.1").request.request_id, testing::MatchesRegex("req-.{36}"));
  const auto id = [](const std::string& given) {
    return parse("GET / HTTP/1.1", "Host: a\r\nX-Openstack-Request-Id: " + given + "\r\n")
        .request.request_id;
  };
  EXPECT_EQ(id("mine"), "req-mine");
  EXPECT_EQ(id("req-mine"), "req-mine");
}

TEST(RequestHead, UnderstandsOneExpectationInHttp11Only) {
  EXPECT_TRUE(parse("GET / HTTP/1.1", "Host: a\r\nExpect: 100-Continue\r\n").expects_continue);
  EXPECT_FALSE(parse("GET / HTTP/1.0", "Expect: 100-continue\r\n").expects_continue);
  EXPECT_EQ(refusal("GET / HTTP/1.1", "Host: a\r\nExpect: more\r\n"), 417);
}

TEST(RequestHead, IsRefusedWhenTooLong) {
  EXPECT_EQ(refusal("GET /" + std::string(9000, 'a') + " HTTP/1.1"), 414);
  EXPECT_EQ(refusal("GET /" + std::string(20'000, 'a')), 414);
  EXPECT_EQ(refusal("GET / HTTP/1.1", "X: " + std::string(17'000, 'a') + "\r\n"), 431);
  std::string fields = "Host: a\r\n";
  for (int i = 0; i < 100; ++i) fields += "X: y\r\n";
  EXPECT_EQ(refusal("GET / HTTP/1.1", fields), 431);
}

TEST(RequestHead, IsRefusedWithAContentCoding) {
  const std::string fields = "Host: a\r\nContent-Length: 1\r\nContent-Encoding: ";
  EXPECT_EQ(refusal("PUT / HTTP/1.1", fields + "gzip\r\n"), 415);
  EXPECT_EQ(refusal("PUT / HTTP/1.1", fields + "identity\r\n"), 0);
  EXPECT_EQ(refusal("GET / HTTP/1.1", "Host: a\r\nContent-Encoding: gzip\r\n"), 0);
}

TEST(RequestHead, IsRefusedWhenMalformed) {
  for (const auto* line : {"GET", "GET /", "GET / HTTP/2.0", "GET  / HTTP/1.1", "GET x HTTP/1.1",
                           "GET /%00 HTTP/1.1", "GET /%ff HTTP/1.1", "G(T / HTTP/1.1"}) {
    EXPECT_EQ(refusal(line), 400) << line;
  }
}

TEST(RequestHead, LeavesTheLineForTheLogWhateverIsWrong) {
  RequestHead head;
  EXPECT_THROW(parse_request_head("GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n", kEndpoint, {}, head),
               HttpError);
  EXPECT_EQ(head.request.method, "GET");
  EXPECT_EQ(head.request.target, "/%00");
  EXPECT_FALSE(head.request.request_id.empty());
}

}  // namespace
}  // namespace glance::api
