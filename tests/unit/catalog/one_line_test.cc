// SPDX-License-Identifier: Apache-2.0
#include "catalog/text/one_line.h"

#include <string>

#include <gtest/gtest.h>

namespace glance {
namespace {

TEST(OneLine, OrdinaryTextStays) {
  EXPECT_EQ(one_line(""), "");
  EXPECT_EQ(one_line("noble 24.04 (amd64).img"), "noble 24.04 (amd64).img");
  EXPECT_EQ(one_line("C:\\images"), "C:\\images");
  EXPECT_EQ(one_line("żółw 漢字 🐢"), "żółw 漢字 🐢");
}

TEST(OneLine, ControlCharactersCannotForgeALineOrDriveATerminal) {
  EXPECT_EQ(one_line("a\n[error] b"), "a\\n[error] b");
  EXPECT_EQ(one_line("a\tb\r"), "a\\tb\\x0d");
  EXPECT_EQ(one_line("\x1b[2J"), "\\x1b[2J");
  EXPECT_EQ(one_line(std::string("a\0b", 3)), "a\\x00b");
  EXPECT_EQ(one_line("\x7f"), "\\x7f");
  EXPECT_EQ(one_line("\xc2\x9b"
                     "2J"),
            "\\xc2\\x9b2J");  // CSI in one character
  EXPECT_EQ(one_line("\xc2\xa0"), "\xc2\xa0");
}

TEST(OneLine, BytesThatAreNoUtf8AreShownAsSuch) {
  EXPECT_EQ(one_line("a\xff"
                     "b"),
            "a\\xffb");
  EXPECT_EQ(one_line("\xe6\xbc"), "\\xe6\\xbc");           // cut short
  EXPECT_EQ(one_line("\xc0\x8a"), "\\xc0\\x8a");           // an overlong line end
  EXPECT_EQ(one_line("\xed\xa0\x80"), "\\xed\\xa0\\x80");  // a surrogate
}

}  // namespace
}  // namespace glance
