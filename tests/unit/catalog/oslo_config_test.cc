// SPDX-License-Identifier: Apache-2.0
#include "catalog/config/oslo_config.h"

#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "catalog/base/error.h"

namespace glance {
namespace {

using ::testing::HasSubstr;

OsloConfig parse(std::string_view text) {
  return OsloConfig::parse(text, "test.conf");
}

std::string value(const OsloConfig& config, std::string_view section, std::string_view key) {
  const auto* found = config.find(section, key);
  return found == nullptr ? "(unset)" : found->text;
}

std::string refusal(std::string_view text) {
  try {
    (void)parse(text);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::invalid);
    return error.what();
  }
  return "(accepted)";
}

TEST(OsloConfig, ReadsKeysOfSections) {
  const auto config = parse(
      "[DEFAULT]\n"
      "bind_port = 9292\n"
      "[database]\n"
      "connection=sqlite:////x\n"
      "max_retries: -1\n");
  EXPECT_EQ(value(config, "DEFAULT", "bind_port"), "9292");
  EXPECT_EQ(value(config, "database", "connection"), "sqlite:////x");
  EXPECT_EQ(value(config, "database", "max_retries"), "-1");
  EXPECT_EQ(value(config, "DEFAULT", "connection"), "(unset)");
  EXPECT_EQ(value(config, "DEFAULT", "BIND_PORT"), "(unset)");
}

TEST(OsloConfig, KnowsTheLineOfEveryValue) {
  const auto config = parse("# one\n[a]\n\nx = 1\ny = 2\n  more\nz = 3\n");
  EXPECT_EQ(config.find("a", "x")->line, 4U);
  EXPECT_EQ(config.find("a", "y")->line, 5U);
  EXPECT_EQ(config.find("a", "z")->line, 7U);
}

TEST(OsloConfig, TakesCommentsAtTheLinesBeginOnly) {
  const auto config = parse(
      "[a]\n"
      "# x = 1\n"
      "; x = 2\n"
      "password = p#s;s # no comment\n");
  EXPECT_EQ(value(config, "a", "x"), "(unset)");
  EXPECT_EQ(value(config, "a", "password"), "p#s;s # no comment");
}

TEST(OsloConfig, SplitsAtTheSignThatComesFirst) {
  const auto config = parse("[a]\nurl = http://x:1\npath: a=b\n");
  EXPECT_EQ(value(config, "a", "url"), "http://x:1");
  EXPECT_EQ(value(config, "a", "path"), "a=b");
}

TEST(OsloConfig, ContinuesValuesOnLinesThatBeginWithABlank) {
  const auto config = parse("[a]\nx = 1\n  2\n\t3\ny =\n  only\n\nz = 4\n");
  EXPECT_EQ(value(config, "a", "x"), "1\n2\n3");
  EXPECT_EQ(value(config, "a", "y"), "\nonly");
  EXPECT_EQ(value(config, "a", "z"), "4");
}

TEST(OsloConfig, OfRepeatedKeysTheLastHolds) {
  const auto config = parse("[a]\nx = 1\n[b]\nx = 9\n[a]\nx = 2\n");
  EXPECT_EQ(value(config, "a", "x"), "2");
  EXPECT_EQ(config.find("a", "x")->line, 6U);
}

TEST(OsloConfig, ListsASectionsKeysWithTheirLastValues) {
  const auto config = parse("[A]\nx = 1\ny = 2\n[a]\nx = 3\n[aa]\nz = 4\n");
  const auto section = config.section("a");
  ASSERT_EQ(section.size(), 2U);
  EXPECT_EQ(section.at("x").text, "3");
  EXPECT_EQ(section.at("x").line, 5U);
  EXPECT_EQ(section.at("y").text, "2");
  EXPECT_TRUE(config.section("b").empty());
}

TEST(OsloConfig, StripsOnePairOfQuotes) {
  const auto config = parse(
      "[a]\n"
      "both = \"a b \"\n"
      "single = 'x'\n"
      "nested = \"'x'\"\n"
      "uneven = \"x'\n"
      "one = \"\n"
      "empty = \"\"\n"
      "inner = a\"b\n");
  EXPECT_EQ(value(config, "a", "both"), "a b ");
  EXPECT_EQ(value(config, "a", "single"), "x");
  EXPECT_EQ(value(config, "a", "nested"), "'x'");
  EXPECT_EQ(value(config, "a", "uneven"), "\"x'");
  EXPECT_EQ(value(config, "a", "one"), "");
  EXPECT_EQ(value(config, "a", "empty"), "");
  EXPECT_EQ(value(config, "a", "inner"), "a\"b");
}

TEST(OsloConfig, FindsSectionsInAnyCaseButDefault) {
  const auto config = parse("[DEFAULT]\na = 1\n[DataBase]\nb = 2\n[default]\nc = 3\n");
  EXPECT_EQ(value(config, "DEFAULT", "a"), "1");
  EXPECT_EQ(value(config, "database", "b"), "2");
  EXPECT_EQ(value(config, "DATABASE", "b"), "2");
  EXPECT_EQ(value(config, "DEFAULT", "c"), "(unset)");
  EXPECT_EQ(value(config, "default", "c"), "3");
}

TEST(OsloConfig, BearsForeignLineEndsAByteOrderMarkAndAMissingLastNewline) {
  const auto config = parse("\xEF\xBB\xBF[a]\r\nx = 1\r\n\r\ny = 2  ");
  EXPECT_EQ(value(config, "a", "x"), "1");
  EXPECT_EQ(value(config, "a", "y"), "2");
}

TEST(OsloConfig, OfNothingIsEmpty) {
  EXPECT_EQ(value(parse(""), "DEFAULT", "x"), "(unset)");
  EXPECT_EQ(value(parse("\n\n# x\n"), "DEFAULT", "x"), "(unset)");
  EXPECT_EQ(value(parse("[a]\nx =\n"), "a", "x"), "");
}

TEST(OsloConfig, RefusesWhatIsNoConfigurationNamingTheLine) {
  EXPECT_THAT(refusal("[a]\nnonsense\n"), HasSubstr("test.conf:2: neither a section"));
  EXPECT_THAT(refusal("[a\n"), HasSubstr("test.conf:1: a section begins with"));
  EXPECT_THAT(refusal("[]\n"), HasSubstr("test.conf:1: the section has no name"));
  EXPECT_THAT(refusal("\nx = 1\n"), HasSubstr("test.conf:2: a section such as [DEFAULT]"));
  EXPECT_THAT(refusal("[a]\n= 1\n"), HasSubstr("test.conf:2: there is no key"));
  EXPECT_THAT(refusal("[a]\n  x\n"), HasSubstr("test.conf:2: the line begins with a blank"));
  EXPECT_THAT(refusal("[a]\nx = 1\n\n  y\n"), HasSubstr("test.conf:4: the line begins"));
}

TEST(OsloConfig, DoesNotQuoteRefusedLines) {
  EXPECT_EQ(refusal("[a]\nsecret\n").find("secret"), std::string::npos);
}

TEST(OsloConfig, MissingFilesAreNotFound) {
  try {
    (void)OsloConfig::read("/nonexistent/glance-api.conf");
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::not_found);
    EXPECT_THAT(error.what(), HasSubstr("/nonexistent/glance-api.conf"));
  }
}

}  // namespace
}  // namespace glance
