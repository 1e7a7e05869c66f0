// SPDX-License-Identifier: Apache-2.0
#include "catalog/tool/table.h"

#include <sstream>

#include <gtest/gtest.h>

namespace glance::tool {
namespace {

std::string printed(const Table& table) {
  std::ostringstream out;
  print_table(table, out);
  return out.str();
}

std::string printed_csv(const Table& table, Reader reader = Reader::program) {
  std::ostringstream out;
  print_csv(table, reader, out);
  return out.str();
}

TEST(Tables, AlignColumnsByWhatATerminalShows) {
  EXPECT_EQ(printed({.header = {"Name", "Size"},
                     .rows = {{"日本語", "1"}, {"e\u0301", "22"}, {"a\nb", "3"}}}),
            "Name   Size\n"
            "------ ----\n"
            "日本語 1\n"
            "e\u0301      22\n"
            "a\\nb   3\n");
}

TEST(Tables, HaveNoBlanksAtTheEndOfALine) {
  EXPECT_EQ(printed({.header = {"A", "B", "C"}, .rows = {{"1", "", ""}, {"", "", "long"}}}),
            "A B C\n"
            "- - ----\n"
            "1\n"
            "    long\n");
}

TEST(Tables, WithoutRowsAreAHeader) {
  EXPECT_EQ(printed({.header = {"A", "Bc"}, .rows = {}}), "A Bc\n- --\n");
}

TEST(Csv, QuotesWhatWouldEndACell) {
  EXPECT_EQ(printed_csv({.header = {"A", "B"},
                         .rows = {{"plain text", ""}, {"a,b", "say \"hi\""}, {"a\nb", "\x1b"}}}),
            "A,B\n"
            "plain text,\n"
            "\"a,b\",\"say \"\"hi\"\"\"\n"
            "\"a\nb\",\x1b\n");
}

TEST(Csv, ForPeopleIsPrintable) {
  EXPECT_EQ(printed_csv({.header = {"A"}, .rows = {{"a\nb,\x1b"}}}, Reader::person),
            "A\n\"a\\nb,\\x1b\"\n");
}

TEST(Formats, AreKnownByName) {
  EXPECT_EQ(parse_format("table"), Format::table);
  EXPECT_EQ(parse_format("csv"), Format::csv);
  EXPECT_EQ(parse_format("json"), Format::json);
  EXPECT_EQ(parse_format("JSON"), std::nullopt);
  EXPECT_EQ(parse_format(""), std::nullopt);
}

}  // namespace
}  // namespace glance::tool
