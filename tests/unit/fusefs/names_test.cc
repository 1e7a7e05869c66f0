// SPDX-License-Identifier: Apache-2.0
#include "fusefs/names.h"

#include <random>

#include <gtest/gtest.h>

namespace glance::fs {
namespace {

TEST(Names, PassUntouchedWhereAFileNameCanHoldThem) {
  for (const char* name : {"noble.qcow2", "a b", "100%", "%zz", "héllo ✓", "~", "x~12345678",
                           ".hidden", "...", "-rf", "a\nb"}) {
    EXPECT_EQ(encode_name(name), name);
    EXPECT_EQ(decode_name(name), name);
  }
}

TEST(Names, EscapeWhatAFileNameCannotHold) {
  EXPECT_EQ(encode_name("a/b"), "a%2Fb");
  EXPECT_EQ(encode_name(std::string_view("a\0b", 3)), "a%00b");
  EXPECT_EQ(encode_name("."), "%2E");
  EXPECT_EQ(encode_name(".."), "%2E.");
  EXPECT_EQ(encode_name(".by-id"), "%2Eby-id");
  EXPECT_EQ(encode_name("a%2Fb"), "a%252Fb");
}

TEST(Names, RoundTripForEveryImageName) {
  std::mt19937 random(7);
  constexpr std::string_view kAlphabet("%2F5E0./b~\0", 11);
  for (int round = 0; round < 20000; ++round) {
    std::string name;
    for (auto length = random() % 8; length > 0; --length) {
      name += kAlphabet[random() % kAlphabet.size()];
    }
    const std::string encoded = encode_name(name);
    EXPECT_EQ(encoded.find('/'), std::string::npos);
    EXPECT_EQ(encoded.find('\0'), std::string::npos);
    EXPECT_FALSE(encoded == "." || encoded == ".." || is_view_name(encoded));
    ASSERT_EQ(decode_name(encoded), name) << encoded;
  }
}

TEST(Names, FileNamesThatNoImageNameMapsToAreRefused) {
  for (const char* name : {"%2Efoo", "a%2E", ".", "..", ".by-id", ".by-tag"}) {
    EXPECT_EQ(decode_name(name), std::nullopt) << name;
  }
}

TEST(Names, QualifiedNamesNeedEightHexDigits) {
  EXPECT_EQ(split_qualified("noble~b04477d0")->base, "noble");
  EXPECT_EQ(split_qualified("noble~b04477d0")->digits, "b04477d0");
  EXPECT_EQ(split_qualified("a~b~00000000ff")->base, "a~b");
  EXPECT_EQ(split_qualified("noble~b04477d0-5d0c")->digits, "b04477d05d0c");
  EXPECT_FALSE(split_qualified("noble~b04477d"));
  EXPECT_FALSE(split_qualified("noble~b04477dg"));
  EXPECT_FALSE(split_qualified("~b04477d0"));
  EXPECT_FALSE(split_qualified("noble"));
}

TEST(Names, LongNamesAreCutBetweenCharacters) {
  std::string base;
  for (int i = 0; i < 200; ++i) base += "é";
  const std::string name = qualify(base, "b04477d0-0000-4000-8000-000000000000", 8);
  EXPECT_LE(name.size(), kMaxFileName);
  EXPECT_TRUE(name.ends_with("é~b04477d0"));
}

}  // namespace
}  // namespace glance::fs
