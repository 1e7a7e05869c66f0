// SPDX-License-Identifier: Apache-2.0
#include "catalog/text/utf8.h"

#include <string_view>

#include <gtest/gtest.h>

namespace glance {
namespace {

using namespace std::string_view_literals;

TEST(Utf8, CountsCharactersNotBytes) {
  EXPECT_EQ(utf8_length(""), 0U);
  EXPECT_EQ(utf8_length("noble"), 5U);
  EXPECT_EQ(utf8_length("héllo ✓"), 7U);
  EXPECT_EQ(utf8_length("😀"), 1U);
  EXPECT_EQ(utf8_length("a\0b"sv), 3U);
}

TEST(Utf8, AcceptsTheFirstAndLastCharacterOfEveryLength) {
  for (const auto text :
       {"\x00"sv, "\x7f"sv, "\xc2\x80"sv, "\xdf\xbf"sv, "\xe0\xa0\x80"sv, "\xed\x9f\xbf"sv,
        "\xee\x80\x80"sv, "\xef\xbf\xbf"sv, "\xf0\x90\x80\x80"sv, "\xf4\x8f\xbf\xbf"sv}) {
    EXPECT_EQ(utf8_length(text), 1U);
  }
}

TEST(Utf8, RefusesWhatIsMalformed) {
  const auto malformed = {
      "\x80"sv,              // a continuation alone
      "\xc0\xaf"sv,          // overlong '/'
      "\xc1\xbf"sv,          // overlong
      "\xe0\x9f\xbf"sv,      // overlong
      "\xf0\x8f\xbf\xbf"sv,  // overlong
      "\xed\xa0\x80"sv,      // the first surrogate
      "\xed\xbf\xbf"sv,      // the last one
      "\xf4\x90\x80\x80"sv,  // above U+10FFFF
      "\xf5\x80\x80\x80"sv,  // no such lead byte
      "\xff"sv,              // no such byte
      "\xc3"sv,              // cut
      "\xe2\x9c"sv,          // cut
      "\xf0\x9f\x98"sv,      // cut
      "\xc3(\xa9"sv,         // a letter in between
      "\xe2(\xa1"sv,         // the same, of three
      "\xe2\x82("sv,         // at the end
      "h\xe9llo"sv,          // Latin-1
  };
  for (const auto text : malformed) {
    EXPECT_FALSE(is_valid_utf8(text));
    EXPECT_EQ(utf8_length(text), std::nullopt);
  }
}

TEST(Utf8, TellsCharactersBeyondTheBmp) {
  EXPECT_FALSE(has_non_bmp(""));
  EXPECT_FALSE(has_non_bmp("héllo ✓ \xef\xbf\xbf"));
  EXPECT_TRUE(has_non_bmp("a \xf0\x90\x80\x80"));
  EXPECT_TRUE(has_non_bmp("😀"));
}

}  // namespace
}  // namespace glance
