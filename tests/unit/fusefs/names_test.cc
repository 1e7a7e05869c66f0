// SPDX-License-Identifier: Apache-2.0
#include "fusefs/tree/names.h"

#include <array>
#include <random>

#include <gmock/gmock.h>

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
  EXPECT_EQ(encode_name("a%252Fb"), "a%25252Fb");
  EXPECT_EQ(encode_name("%2Eby-id"), "%252Eby-id");
}

TEST(Names, LeaveAPercentAloneThatMeansNothing) {
  for (const char* name : {"100%", "%zz", "%2f", "a%20b", "a%25b", "%25", "%2525", "%2Efoo", "a%2E",
                           "%2Eby-ids", "%252", "%2E%2E"}) {
    EXPECT_EQ(encode_name(name), name);
    EXPECT_EQ(decode_name(name), name);
  }
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

TEST(Names, EveryFileNameButTheReservedOnesMeansAnImageName) {
  std::mt19937 random(8);
  constexpr std::string_view kAlphabet("%2F5E0.b~");
  for (int round = 0; round < 20000; ++round) {
    std::string name;
    for (auto length = 1 + random() % 8; length > 0; --length) {
      name += kAlphabet[random() % kAlphabet.size()];
    }
    if (name == "." || name == "..") continue;
    const auto decoded = decode_name(name);
    ASSERT_TRUE(decoded) << name;
    ASSERT_EQ(encode_name(*decoded), name);
    ASSERT_EQ(encode_tag(decode_tag(name).value()), name);
  }
  for (const char* name : {".", "..", ".by-id", ".by-tag", ".MD5SUMS", ".SHA512SUMS"}) {
    EXPECT_EQ(decode_name(name), std::nullopt) << name;
  }
}

TEST(Names, OfTagsAreReservedForDotsOnly) {
  EXPECT_EQ(encode_tag(".by-id"), ".by-id");
  EXPECT_EQ(decode_tag(".by-id"), ".by-id");
  EXPECT_EQ(encode_tag(".."), "%2E.");
  EXPECT_EQ(decode_tag("%2E."), "..");
  EXPECT_EQ(decode_tag(".."), std::nullopt);
  EXPECT_EQ(encode_tag("a/b"), "a%2Fb");
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

TEST(Names, HaveTheDigitsThatTheirIdsBeginWith) {
  constexpr std::string_view kId = "b04477d0-5d0c-4000-8000-000000000000";
  EXPECT_TRUE(has_digits(kId, "b04477d0"));
  EXPECT_TRUE(has_digits(kId, "b04477d05d0c"));
  EXPECT_TRUE(has_digits(kId, id_digits(kId)));
  EXPECT_FALSE(has_digits(kId, "b04477d1"));
  EXPECT_FALSE(has_digits(kId, id_digits(kId) + "0"));
}

using ::testing::ElementsAre;

const std::array kCarriers = {Carrier{.id = "aaaaaaaa-0000-4000-8000-000000000001"},
                              Carrier{.id = "bbbbbbbb-0000-4000-8000-000000000002"},
                              Carrier{.id = "bbbbbbbb-0000-4000-8000-000000000003"}};

bool nothing_is_taken(const std::string&) {
  return false;
}

TEST(FileNames, TheFirstIsBareAndTheOthersAreToldApart) {
  EXPECT_THAT(file_names("x", std::span(kCarriers).first(1), nothing_is_taken), ElementsAre("x"));
  EXPECT_THAT(file_names("x", std::span(kCarriers).first(2), nothing_is_taken),
              ElementsAre("x", "x~bbbbbbbb"));
  EXPECT_THAT(
      file_names("x", kCarriers, nothing_is_taken),
      ElementsAre("x", "x~bbbbbbbb000040008000000000000002", "x~bbbbbbbb000040008000000000000003"));
}

TEST(FileNames, HiddenImagesAreNeverBare) {
  auto carriers = kCarriers;
  carriers[0].hidden = true;
  EXPECT_THAT(file_names("x", std::span(carriers).first(2), nothing_is_taken),
              ElementsAre("x~aaaaaaaa", "x"));
  EXPECT_THAT(file_names("x", std::span(carriers).first(1), nothing_is_taken),
              ElementsAre("x~aaaaaaaa"));
}

TEST(FileNames, TakenNamesGetMoreDigits) {
  const auto taken = [](const std::string& name) { return name.size() < 12; };
  EXPECT_THAT(file_names("x", std::span(kCarriers).first(2), taken),
              ElementsAre("x", "x~bbbbbbbb00"));
}

TEST(FileNames, AreFoundEvenIfAllDigitsAreTaken) {
  const auto taken = [](const std::string& name) { return name.size() <= 34; };
  const auto names = file_names("x", std::span(kCarriers).first(2), taken);
  EXPECT_EQ(names[1], "x~bbbbbbbb000040008000000000000002-");
  EXPECT_EQ(split_qualified(names[1])->digits, "bbbbbbbb000040008000000000000002");
}

TEST(FileNames, TooLongNamesAreAllQualified) {
  const auto names =
      file_names(std::string(300, 'x'), std::span(kCarriers).first(2), nothing_is_taken);
  EXPECT_EQ(names[0], std::string(246, 'x') + "~aaaaaaaa");
  EXPECT_EQ(names[1], std::string(246, 'x') + "~bbbbbbbb");
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
