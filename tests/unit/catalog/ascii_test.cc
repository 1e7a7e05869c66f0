// SPDX-License-Identifier: Apache-2.0
#include "catalog/text/ascii.h"

#include <gtest/gtest.h>

namespace glance {
namespace {

TEST(Ascii, OnlyItsLettersChangeCase) {
  EXPECT_EQ(lower_case(""), "");
  EXPECT_EQ(lower_case("AZ az @[`{ 09"), "az az @[`{ 09");
  EXPECT_EQ(lower_case("ŻÓŁW"), "ŻÓŁw");
  EXPECT_EQ(upper('z'), 'Z');
  EXPECT_EQ(upper('{'), '{');
}

TEST(Ascii, TextsAreEqualWhateverTheirCase) {
  EXPECT_TRUE(equal_ignoring_case("", ""));
  EXPECT_TRUE(equal_ignoring_case("Content-MD5", "content-md5"));
  EXPECT_FALSE(equal_ignoring_case("host", "hosts"));
  EXPECT_FALSE(equal_ignoring_case("@", "`"));
  EXPECT_FALSE(equal_ignoring_case("Ż", "ż"));
}

TEST(Ascii, LettersAndDigitsAreThoseOfAsciiOnly) {
  for (const char c : std::string_view("azAZ09")) EXPECT_TRUE(is_alphanumeric(c)) << c;
  for (const char c : std::string_view("@[`{/:_- \xc5\xbb")) EXPECT_FALSE(is_alphanumeric(c)) << c;
}

TEST(Trim, TakesTheBlanksAroundAText) {
  EXPECT_EQ(trim(""), "");
  EXPECT_EQ(trim(" \t\r\n\f\v"), "");
  EXPECT_EQ(trim("\n a b\t"), "a b");
  EXPECT_EQ(trim("a"), "a");
  EXPECT_EQ(trim("\u00a0a"), "\u00a0a");
}

TEST(Trim, OnTheRightLeavesTheLeftAsItIs) {
  EXPECT_EQ(trim_right("  a \n"), "  a");
  EXPECT_EQ(trim_right("  "), "");
  EXPECT_EQ(trim_right(""), "");
}

}  // namespace
}  // namespace glance
