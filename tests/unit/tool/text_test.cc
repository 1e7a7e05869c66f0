// SPDX-License-Identifier: Apache-2.0
#include "catalog/tool/text.h"

#include <gtest/gtest.h>

namespace glance::tool {
namespace {

struct Case {
  std::string_view text;
  std::string_view shown;
  std::size_t width;
};

class PrintableText : public ::testing::TestWithParam<Case> {};

TEST_P(PrintableText, IsEscapedAndMeasured) {
  const auto [text, shown, width] = GetParam();
  const Printable result = printable(text);
  EXPECT_EQ(result.text, shown);
  EXPECT_EQ(result.width, width);
}

INSTANTIATE_TEST_SUITE_P(Plain, PrintableText,
                         ::testing::Values(Case{"", "", 0}, Case{"abc d", "abc d", 5},
                                           Case{"äöü", "äöü", 3}, Case{"日本", "日本", 4},
                                           Case{"e\u0301", "e\u0301", 1}, Case{"ﾊ", "ﾊ", 1},
                                           Case{"한", "한", 2},
                                           Case{"\U0001f600", "\U0001f600", 2}));

INSTANTIATE_TEST_SUITE_P(
    Escaped, PrintableText,
    ::testing::Values(Case{"a\nb", "a\\nb", 4}, Case{"\t\r", "\\t\\r", 4},
                      Case{"\x1b[31m", "\\x1b[31m", 8}, Case{"\x7f", "\\x7f", 4},
                      Case{"\\", "\\\\", 2}, Case{"\xff\xc3", "\\xff\\xc3", 8},
                      Case{"\xc3(", "\\xc3(", 5}, Case{"\xed\xa0\x80", "\\xed\\xa0\\x80", 12},
                      Case{std::string_view("a\0b", 3), "a\\x00b", 6},
                      Case{"\u0085", "\\u{0085}", 8}, Case{"\u202e", "\\u{202e}", 8},
                      Case{"\u200b", "\\u{200b}", 8}, Case{"\ufeff", "\\u{feff}", 8}));

TEST(HumanSize, HasOneDigitBehindThePointAndNeverFourBefore) {
  EXPECT_EQ(human_size(0), "0 B");
  EXPECT_EQ(human_size(999), "999 B");
  EXPECT_EQ(human_size(1000), "1.0 kB");
  EXPECT_EQ(human_size(2097152), "2.1 MB");
  EXPECT_EQ(human_size(999'949), "999.9 kB");
  EXPECT_EQ(human_size(999'950), "1.0 MB");
  EXPECT_EQ(human_size(UINT64_MAX), "18.4 EB");
}

TEST(HumanDuration, GrowsHoursWhenItNeedsThem) {
  EXPECT_EQ(human_duration(0), "0:00");
  EXPECT_EQ(human_duration(7), "0:07");
  EXPECT_EQ(human_duration(754), "12:34");
  EXPECT_EQ(human_duration(3599), "59:59");
  EXPECT_EQ(human_duration(3600), "1:00:00");
  EXPECT_EQ(human_duration(360'061), "100:01:01");
}

}  // namespace
}  // namespace glance::tool
