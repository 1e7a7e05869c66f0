// SPDX-License-Identifier: Apache-2.0
#include "api-bridge/wire/conditional.h"

#include <gtest/gtest.h>

#include "api-bridge/wire/http_error.h"

namespace glance::api {
namespace {

Request with(const std::string& field, const std::string& value) {
  Request request;
  request.headers = {{field, value}};
  return request;
}

TEST(Conditional, IfNoneMatchComparesWeakly) {
  for (const auto* value : {R"("a")", R"(W/"a")", "*", R"("b", "a")", R"("b" ,W/"a")"}) {
    EXPECT_TRUE(is_not_modified(with("If-None-Match", value), R"("a")")) << value;
  }
  for (const auto* value : {R"("b")", "a", "", R"("A")", R"("a)", R"("a,b")"}) {
    EXPECT_FALSE(is_not_modified(with("If-None-Match", value), R"("a")")) << value;
  }
  EXPECT_FALSE(is_not_modified(Request{}, R"("a")"));
}

TEST(Conditional, WhatHasNoTagMatchesTheStarOnly) {
  EXPECT_FALSE(is_not_modified(with("If-None-Match", R"("a")"), std::nullopt));
  EXPECT_TRUE(is_not_modified(with("If-None-Match", "*"), std::nullopt));
}

TEST(Conditional, IfMatchComparesStrongly) {
  EXPECT_FALSE(is_not_modified(with("If-Match", R"("b", "a")"), R"("a")"));
  EXPECT_FALSE(is_not_modified(with("If-Match", "*"), R"("a")"));
  EXPECT_THROW((void)is_not_modified(with("If-Match", R"(W/"a")"), R"("a")"), HttpError);
  EXPECT_THROW((void)is_not_modified(with("If-Match", R"("b")"), R"("a")"), HttpError);
}

TEST(Conditional, IfMatchOfAChange) {
  EXPECT_TRUE(is_matched(Request{}, std::nullopt));
  EXPECT_TRUE(is_matched(with("If-Match", "*"), std::nullopt));
  EXPECT_FALSE(is_matched(with("If-Match", R"("a")"), std::nullopt));
  EXPECT_TRUE(is_matched(with("If-Match", R"("b", "a")"), R"("a")"));
  for (const auto* value : {"", "a", R"("b")", R"(W/"a")", R"("*")"}) {
    EXPECT_FALSE(is_matched(with("If-Match", value), R"("a")")) << value;
    EXPECT_THROW(require_match(with("If-Match", value), R"("a")"), HttpError) << value;
  }
}

TEST(Conditional, DataAreTaggedByTheirChecksum) {
  const auto id = ImageId::parse("0aa7ab62-7e53-4c71-9b1c-0dbf7ed48e2b");
  EXPECT_EQ(data_tag({.id = *id, .checksum = "abc"}), R"("abc")");
  EXPECT_EQ(data_tag({.id = *id}), std::nullopt);
}

TEST(Conditional, IfRangeNamesTheStateExactly) {
  EXPECT_TRUE(range_applies(Request{}, R"("a")"));
  EXPECT_TRUE(range_applies(with("If-Range", R"("a")"), R"("a")"));
  for (const auto* value : {R"("b")", R"(W/"a")", "*", "Sun, 06 Nov 1994 08:49:37 GMT"}) {
    EXPECT_FALSE(range_applies(with("If-Range", value), R"("a")")) << value;
  }
  EXPECT_FALSE(range_applies(with("If-Range", R"("a")"), std::nullopt));
}

TEST(Conditional, TextsAreTaggedByWhatTheySay) {
  EXPECT_EQ(entity_tag_of("a"), entity_tag_of("a"));
  EXPECT_NE(entity_tag_of("a"), entity_tag_of("b"));
  EXPECT_EQ(entity_tag_of("a").size(), 34U);
  const auto answer = tagged(Request{}, json_response("{}"));
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.headers.back(), std::pair(std::string("ETag"), entity_tag_of("{}")));
  const auto known = tagged(with("If-None-Match", entity_tag_of("{}")), json_response("{}"));
  EXPECT_EQ(known.status, 304);
  EXPECT_EQ(std::get<std::string>(known.body), "");
  EXPECT_TRUE(tagged(Request{}, json_response("{}", 201)).headers.size() == 1);
}

}  // namespace
}  // namespace glance::api
