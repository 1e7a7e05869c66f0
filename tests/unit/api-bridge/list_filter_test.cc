// SPDX-License-Identifier: Apache-2.0
#include "api-bridge/handlers/list_filter.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api-bridge/wire/http_error.h"

namespace glance::api {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

ImageQuery query_of(const std::string& name, const std::string& value) {
  ImageQuery query;
  add_list_filter(name, value, query);
  return query;
}

ImageFilter filter_of(const std::string& name, const std::string& value) {
  const auto query = query_of(name, value);
  EXPECT_EQ(query.filters.size(), 1U);
  return query.filters.at(0);
}

std::string refusal(const std::string& name, const std::string& value) {
  try {
    (void)query_of(name, value);
  } catch (const HttpError& error) {
    EXPECT_EQ(error.status(), 400);
    return error.what();
  }
  return "";
}

TEST(ListFilter, ComparesNamesAndFormatsForEquality) {
  for (const auto* value : {"noble", "eq:noble", "in:noble", "in:\"noble\""}) {
    const auto filter = filter_of("name", value);
    EXPECT_EQ(filter.column, ImageColumn::name);
    EXPECT_EQ(filter.comparison, Comparison::equal);
    EXPECT_THAT(filter.values, ElementsAre("noble"));
  }
  EXPECT_THAT(filter_of("disk_format", "in:raw,qcow2").values, ElementsAre("raw", "qcow2"));
  EXPECT_THAT(filter_of("name", "eq:a:b").values, ElementsAre("a:b"));
  EXPECT_THAT(filter_of("name", "2026-11-22T16:59:28Z").values,
              ElementsAre("2026-11-22T16:59:28Z"));
}

TEST(ListFilter, RefusesOtherOperatorsOnNames) {
  EXPECT_EQ(refusal("name", "foo:bar"), "Unable to filter by unknown operator 'foo'.");
  EXPECT_EQ(refusal("status", "neq:active"), "Unable to filter by unknown operator 'neq'.");
}

TEST(ListFilter, SplitsListsAtCommasOutsideOfQuotes) {
  EXPECT_THAT(split_in_list("a,b"), ElementsAre("a", "b"));
  EXPECT_THAT(split_in_list(R"("a,b",c)"), ElementsAre("a,b", "c"));
  EXPECT_THAT(split_in_list(R"("a\"b\\c")"), ElementsAre(R"(a"b\c)"));
  EXPECT_THAT(split_in_list(",a,"), ElementsAre("", "a"));
  EXPECT_THAT(split_in_list(R"("",a)"), ElementsAre("", "a"));
  EXPECT_THAT(split_in_list(""), IsEmpty());
}

TEST(ListFilter, RefusesListsWithMisplacedQuotes) {
  for (const auto* list : {R"("a)", R"(a")", R"(a"b")", R"("a"b)", R"("a",b")", R"("a\")"}) {
    EXPECT_NE(refusal("name", std::string("in:") + list), "") << list;
  }
}

TEST(ListFilter, TakesOtherTextsAsTheyStand) {
  EXPECT_THAT(filter_of("checksum", "in:a").values, ElementsAre("in:a"));
  EXPECT_THAT(filter_of("owner", "eq:a").values, ElementsAre("eq:a"));
  EXPECT_EQ(filter_of("os_hash_algo", "sha512").column, ImageColumn::os_hash_algo);
  EXPECT_EQ(filter_of("os_hash_value", "aa").column, ImageColumn::os_hash_value);
}

TEST(ListFilter, ComparesTimes) {
  const auto filter = filter_of("updated_at", "gte:2026-11-22T17:59:28+01:00");
  EXPECT_EQ(filter.column, ImageColumn::updated_at);
  EXPECT_EQ(filter.comparison, Comparison::greater_or_equal);
  EXPECT_THAT(filter.values, ElementsAre("2026-11-22 16:59:28.000000"));
  EXPECT_EQ(filter_of("created_at", "2026-11-22T16:59:28Z").comparison, Comparison::equal);
  EXPECT_EQ(filter_of("created_at", "neq:2026-11-22").comparison, Comparison::not_equal);
  EXPECT_EQ(filter_of("created_at", "lt:2026").comparison, Comparison::less);
  EXPECT_EQ(filter_of("created_at", "lte:2026-11").comparison, Comparison::less_or_equal);
  EXPECT_EQ(filter_of("created_at", "gt:20261122").comparison, Comparison::greater);
}

TEST(ListFilter, RefusesWhatIsNoTime) {
  for (const auto* value : {"x", "gt:", "", "gt:yesterday", "2026-13-01", "in:2026-01-01,x"}) {
    EXPECT_EQ(refusal("created_at", value),
              "Bad \"created_at\" query filter format. Use ISO 8601 DateTime notation.")
        << value;
  }
  EXPECT_EQ(refusal("created_at", "foo:2026-11-22"), "Unable to filter on a unknown operator.");
}

TEST(ListFilter, ComparesNumbersAndTheirBounds) {
  EXPECT_THAT(filter_of("min_ram", "64").values, ElementsAre("64"));
  EXPECT_THAT(filter_of("size", " +7 ").values, ElementsAre("7"));
  EXPECT_THAT(filter_of("size", "seven").values, IsEmpty());
  const auto min = filter_of("size_min", "10");
  EXPECT_EQ(min.column, ImageColumn::size);
  EXPECT_EQ(min.comparison, Comparison::greater_or_equal);
  const auto max = filter_of("virtual_size_max", "-1");
  EXPECT_EQ(max.column, ImageColumn::virtual_size);
  EXPECT_EQ(max.comparison, Comparison::less_or_equal);
  EXPECT_THAT(max.values, ElementsAre("-1"));
  EXPECT_THAT(filter_of("min_disk_max", "99999999999999999999").values,
              ElementsAre("9223372036854775807"));
}

TEST(ListFilter, RefusesBoundsThatMakeNoSense) {
  EXPECT_EQ(refusal("size_min", "x"), "Unable to filter on a range with a non-numeric value.");
  EXPECT_EQ(refusal("size_min", ""), "Unable to filter on a range with a non-numeric value.");
  EXPECT_EQ(refusal("foo_min", "1"),
            "Unable to filter on a range of 'foo'; allowed: size, virtual_size, min_disk, "
            "min_ram.");
}

TEST(ListFilter, ReadsFlagsInTheirTwoWays) {
  EXPECT_THAT(filter_of("protected", "true").values, ElementsAre("1"));
  EXPECT_THAT(filter_of("protected", "false").values, ElementsAre("0"));
  EXPECT_NE(refusal("protected", "True"), "");
  EXPECT_EQ(query_of("os_hidden", "True").os_hidden, true);
  EXPECT_EQ(query_of("os_hidden", "FALSE").os_hidden, false);
  EXPECT_EQ(refusal("os_hidden", "x"),
            "Invalid value 'x' for 'os_hidden' filter. Valid values are 'true' or 'false'.");
}

TEST(ListFilter, TakesUnknownNamesForProperties) {
  const auto query = query_of("os_distro", "in:a");
  ASSERT_EQ(query.properties.size(), 1U);
  EXPECT_EQ(query.properties[0].name, "os_distro");
  EXPECT_EQ(query.properties[0].value, "in:a");
  EXPECT_TRUE(query_of("deleted", "True").properties.empty());
}

TEST(ListFilter, RefusesWhatGlanceFailsAt) {
  for (const auto* name : {"locations", "properties", "members", "changes-since"}) {
    EXPECT_NE(refusal(name, ""), "") << name;
  }
}

}  // namespace
}  // namespace glance::api
