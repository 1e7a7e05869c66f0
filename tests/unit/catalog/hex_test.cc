// SPDX-License-Identifier: Apache-2.0
#include "catalog/text/hex.h"

#include <array>

#include <gtest/gtest.h>

namespace glance {
namespace {

TEST(Hex, IsOfEitherCaseAndOfTheRightLength) {
  EXPECT_TRUE(is_hex("0189afAF", 8));
  EXPECT_TRUE(is_hex("", 0));
  EXPECT_FALSE(is_hex("0189afAF", 7));
  for (const auto* text : {"/0", ":0", "@0", "G0", "`0", "g0", "0x", " 0", "-1", "\xc3\xa4"}) {
    EXPECT_FALSE(is_hex(text, 2)) << text;
  }
}

TEST(Hex, OfBytesIsInLowerCase) {
  EXPECT_EQ(to_hex({}), "");
  EXPECT_EQ(to_hex(std::array<unsigned char, 4>{0x00, 0x0f, 0xa0, 0xff}), "000fa0ff");
}

TEST(Hex, OfTwoDigitsIsAByte) {
  EXPECT_EQ(hex_byte("00"), 0x00);
  EXPECT_EQ(hex_byte("fF"), 0xff);
  for (const auto* text : {"", "f", "fff", "-1", "+1", " 1", "0x", "1g"}) {
    EXPECT_EQ(hex_byte(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace glance
