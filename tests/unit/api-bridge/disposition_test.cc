// SPDX-License-Identifier: Apache-2.0
#include "api-bridge/wire/disposition.h"

#include <gtest/gtest.h>

namespace glance::api {
namespace {

std::string of(std::string_view name) {
  return attachment(name, "id");
}

TEST(Disposition, NamesThePlain) {
  EXPECT_EQ(of("noble.img"), "attachment; filename=\"noble.img\"");
  EXPECT_EQ(of("two words; a=b"), "attachment; filename=\"two words; a=b\"");
}

TEST(Disposition, NamesTheRestTwice) {
  EXPECT_EQ(of("größe"), "attachment; filename=\"gr__e\"; filename*=UTF-8''gr%C3%B6%C3%9Fe");
  EXPECT_EQ(of("a\"b"), "attachment; filename=\"a_b\"; filename*=UTF-8''a%22b");
  EXPECT_EQ(of("50%.img"), "attachment; filename=\"50_.img\"; filename*=UTF-8''50%25.img");
  EXPECT_EQ(of("日本"), "attachment; filename=\"__\"; filename*=UTF-8''%E6%97%A5%E6%9C%AC");
}

TEST(Disposition, LeavesNothingThatMeansSomethingInAPathOrALine) {
  EXPECT_EQ(of("../../etc/passwd"), "attachment; filename=\".._.._etc_passwd\"");
  EXPECT_EQ(of("a\\b"), "attachment; filename=\"a_b\"");
  EXPECT_EQ(of("a\r\nX: b\x7f\x01"), "attachment; filename=\"a__X: b__\"");
}

TEST(Disposition, FallsBackWhereNothingIsLeft) {
  for (const auto* name : {"", " ", ".", "..", "/", "\n", "\\./"}) {
    EXPECT_EQ(of(name), "attachment; filename=\"id\"") << name;
  }
}

}  // namespace
}  // namespace glance::api
