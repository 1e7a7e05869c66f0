// SPDX-License-Identifier: Apache-2.0
#include "api-bridge/wire/http.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace glance::api {
namespace {

using testing::ElementsAre;
using testing::Pair;

TEST(Target, IsSplitBeforeItIsDecoded) {
  const auto target = parse_target("/v2/images/a%2Fb/tags/x%20y");
  ASSERT_TRUE(target);
  EXPECT_THAT(target->path, ElementsAre("v2", "images", "a/b", "tags", "x y"));
}

TEST(Target, KeepsTrailingSlashesAsEmptySegments) {
  EXPECT_THAT(parse_target("/")->path, ElementsAre(""));
  EXPECT_THAT(parse_target("/v2/")->path, ElementsAre("v2", ""));
  EXPECT_THAT(parse_target("/v2/images//")->path, ElementsAre("v2", "images", ""));
}

TEST(Target, OfSeveralSlashesOneCounts) {
  EXPECT_THAT(parse_target("//v2")->path, ElementsAre("v2"));
  EXPECT_THAT(parse_target("//v2///images//a")->path, ElementsAre("v2", "images", "a"));
  EXPECT_THAT(parse_target("//")->path, ElementsAre(""));
  EXPECT_THAT(parse_target("/v2/%2F/")->path, ElementsAre("v2", "/", ""));
  EXPECT_THAT(parse_target("/v2?a=//b")->query, ElementsAre(Pair("a", "//b")));
}

TEST(Target, KeepsRepeatedQueryParametersInOrder) {
  const auto target = parse_target("/v2/images?tag=a&tag=b+c&limit=2&flag&&x=1=2");
  ASSERT_TRUE(target);
  EXPECT_THAT(target->query, ElementsAre(Pair("tag", "a"), Pair("tag", "b c"), Pair("limit", "2"),
                                         Pair("flag", ""), Pair("x", "1=2")));
}

TEST(Target, IsAcceptedInAbsoluteAndAsteriskForm) {
  EXPECT_THAT(parse_target("http://glance:9292/v2/images")->path, ElementsAre("v2", "images"));
  EXPECT_THAT(parse_target("HTTP://glance")->path, ElementsAre(""));
  EXPECT_THAT(parse_target("*")->path, ElementsAre("*"));
}

TEST(Target, TakesBrokenEscapesLiterally) {
  EXPECT_THAT(parse_target("/100%/%zz/%4")->path, ElementsAre("100%", "%zz", "%4"));
}

TEST(Target, IsRefusedWhenItIsNoTextOrNoPath) {
  EXPECT_FALSE(parse_target("/v2/%ff"));
  EXPECT_FALSE(parse_target("/v2/images?name=%C3"));
  EXPECT_FALSE(parse_target("/v2/%00"));
  EXPECT_FALSE(parse_target("images"));
  EXPECT_FALSE(parse_target("glance:9292"));
  EXPECT_FALSE(parse_target(""));
}

TEST(QueryValue, IsEncodedAsFormsAre) {
  EXPECT_EQ(encode_query_value("name:asc x/y~é"), "name%3Aasc+x%2Fy~%C3%A9");
}

TEST(Request, FindsHeadersWhateverTheirCase) {
  Request request;
  request.headers = {{"Content-TYPE", "a"}, {"content-type", "b"}};
  EXPECT_EQ(request.header("Content-Type"), "a");
  EXPECT_FALSE(request.header("Accept"));
}

TEST(Digits, AreNothingElseAndFit) {
  EXPECT_EQ(parse_digits("18446744073709551615"), UINT64_MAX);
  for (const auto* text : {"", "-1", "+1", " 1", "1 ", "0x1", "18446744073709551616"}) {
    EXPECT_FALSE(parse_digits(text)) << text;
  }
}

}  // namespace
}  // namespace glance::api
