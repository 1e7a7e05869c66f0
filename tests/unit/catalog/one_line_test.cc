// SPDX-License-Identifier: Apache-2.0
#include "catalog/text/one_line.h"

#include <string_view>

#include <gtest/gtest.h>

namespace glance {
namespace {

struct Case {
  std::string_view text;
  std::string_view shown;
  std::size_t width;
};

class OneLine : public ::testing::TestWithParam<Case> {};

TEST_P(OneLine, IsEscapedAndMeasured) {
  const auto [text, shown, width] = GetParam();
  EXPECT_EQ(one_line(text), shown);
  EXPECT_EQ(columns(shown), width);
}

INSTANTIATE_TEST_SUITE_P(
    OrdinaryText, OneLine,
    ::testing::Values(Case{"", "", 0},
                      Case{"noble 24.04 (amd64).img", "noble 24.04 (amd64).img", 23},
                      Case{"żółw", "żółw", 4}, Case{"日本", "日本", 4}, Case{"한", "한", 2},
                      Case{"e\u0301", "e\u0301", 1}, Case{"ﾊ", "ﾊ", 1}, Case{"\u00a0", "\u00a0", 1},
                      Case{"\U0001f600", "\U0001f600", 2}));

INSTANTIATE_TEST_SUITE_P(
    ControlCharacters, OneLine,
    ::testing::Values(Case{"a\n[error] b", "a\\n[error] b", 12}, Case{"\t\r", "\\t\\r", 4},
                      Case{"\x1b[31m", "\\x1b[31m", 8}, Case{"\x7f", "\\x7f", 4},
                      Case{std::string_view("a\0b", 3), "a\\x00b", 6},
                      Case{"\u0080", "\\u{0080}", 8}, Case{"\u0085", "\\u{0085}", 8},
                      Case{"\u009b2J", "\\u{009b}2J", 10}, Case{"\u009f", "\\u{009f}", 8}));

INSTANTIATE_TEST_SUITE_P(WhatDeceives, OneLine,
                         ::testing::Values(Case{"\\n", "\\\\n", 3}, Case{"\u202e", "\\u{202e}", 8},
                                           Case{"\u2028", "\\u{2028}", 8},
                                           Case{"\u200b", "\\u{200b}", 8},
                                           Case{"\ufeff", "\\u{feff}", 8}));

INSTANTIATE_TEST_SUITE_P(NoUtf8, OneLine,
                         ::testing::Values(Case{"a\xff\xc3", "a\\xff\\xc3", 9},
                                           Case{"\xc3(", "\\xc3(", 5},
                                           Case{"\xe6\xbc", "\\xe6\\xbc", 8},  // cut short
                                           Case{"\xc0\x8a", "\\xc0\\x8a", 8},  // overlong
                                           Case{"\xed\xa0\x80", "\\xed\\xa0\\x80", 12}));

TEST(PrintableJson, HasTheSameValuesEscapedAsJsonHasIt) {
  EXPECT_EQ(printable_json(R"({"name":"żółw \n \\ 日本"})"), R"({"name":"żółw \n \\ 日本"})");
  EXPECT_EQ(printable_json("[\n\"\u009b2J\x7f\u202e\"\n]"), "[\n\"\\u009b2J\\u007f\\u202e\"\n]");
  EXPECT_EQ(printable_json("\"\U000e0001\""), R"("\udb40\udc01")");  // a tag character
}

}  // namespace
}  // namespace glance
