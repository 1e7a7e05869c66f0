// SPDX-License-Identifier: Apache-2.0
#include "api-bridge/handlers/list_query.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api-bridge/wire/http_error.h"
#include "catalog/config/config.h"

namespace glance::api {
namespace {

ImageQuery query_of(const Query& parameters) {
  return parse_list_query(parameters, Config{});
}

std::string refusal(const Query& parameters) {
  try {
    (void)query_of(parameters);
  } catch (const HttpError& error) {
    EXPECT_EQ(error.status(), 400);
    return error.what();
  }
  return "";
}

std::string text_of(const std::vector<ImageSort>& sort) {
  std::string text;
  for (const auto& [column, descending] : sort) {
    text += std::to_string(static_cast<int>(column)) + (descending ? "- " : "+ ");
  }
  return text;
}

std::string text_of(std::initializer_list<ImageSort> sort) {
  return text_of(std::vector<ImageSort>(sort));
}

TEST(ListQuery, WithoutParametersIsTheDefaultPage) {
  const auto query = query_of({});
  EXPECT_EQ(query.limit, 25U);
  EXPECT_EQ(query.os_hidden, false);
  EXPECT_TRUE(query.filters.empty());
  EXPECT_TRUE(query.sort.empty());
}

TEST(ListQuery, LimitIsCappedAndMayBeZero) {
  EXPECT_EQ(query_of({{"limit", "7"}}).limit, 7U);
  EXPECT_EQ(query_of({{"limit", "0"}}).limit, 0U);
  EXPECT_EQ(query_of({{"limit", "5000"}}).limit, 1000U);
  EXPECT_EQ(query_of({{"limit", "99999999999999999999999"}}).limit, 1000U);
}

TEST(ListQuery, LimitMustBeANumber) {
  EXPECT_EQ(refusal({{"limit", "x"}}), "limit param must be an integer");
  EXPECT_EQ(refusal({{"limit", ""}}), "limit param must be an integer");
  EXPECT_EQ(refusal({{"limit", "1.5"}}), "limit param must be an integer");
  EXPECT_EQ(refusal({{"limit", "-1"}}), "limit param must be positive");
}

TEST(ListQuery, MarkerIsAnImagesId) {
  const std::string id = "11111111-1111-1111-1111-111111111111";
  EXPECT_EQ(query_of({{"marker", id}}).marker->text(), id);
  EXPECT_EQ(refusal({{"marker", "x"}}), "No image found with ID x");
}

TEST(ListQuery, SortListsKeysWithDirections) {
  const auto query = query_of({{"sort", "name:asc,size"}});
  EXPECT_EQ(text_of(query.sort), text_of({{ImageColumn::name, false}, {ImageColumn::size, true}}));
}

TEST(ListQuery, SortKeysShareOneDirectionOrHaveTheirOwn) {
  EXPECT_EQ(text_of(query_of({{"sort_key", "name"}, {"sort_dir", "asc"}, {"sort_key", "id"}}).sort),
            text_of({{ImageColumn::name, false}, {ImageColumn::id, false}}));
  EXPECT_EQ(
      text_of(
          query_of(
              {{"sort_key", "name"}, {"sort_key", "id"}, {"sort_dir", "asc"}, {"sort_dir", "desc"}})
              .sort),
      text_of({{ImageColumn::name, false}, {ImageColumn::id, true}}));
  EXPECT_EQ(text_of(query_of({{"sort", "name:"}}).sort), text_of({{ImageColumn::name, true}}));
  EXPECT_EQ(text_of(query_of({{"sort_key", "name"}}).sort), text_of({{ImageColumn::name, true}}));
  EXPECT_EQ(text_of(query_of({{"sort_dir", "asc"}}).sort),
            text_of({{ImageColumn::created_at, false}}));
}

TEST(ListQuery, SortingThatMakesNoSenseIsRefused) {
  EXPECT_THAT(refusal({{"sort", "x"}}), testing::StartsWith("Invalid sort key: x."));
  EXPECT_THAT(refusal({{"sort", ""}}), testing::StartsWith("Invalid sort key: ."));
  EXPECT_THAT(refusal({{"sort_key", "min_ram"}}), testing::StartsWith("Invalid sort key"));
  EXPECT_EQ(refusal({{"sort", "name:x"}}), "Invalid sort direction: x");
  EXPECT_EQ(refusal({{"sort_dir", "x"}}), "Invalid sort direction: x");
  EXPECT_EQ(refusal({{"sort", "name"}, {"sort_key", "id"}}),
            "Old and new sorting syntax cannot be combined");
  EXPECT_EQ(refusal({{"sort_key", "name"}, {"sort_dir", "asc"}, {"sort_dir", "asc"}}),
            "Number of sort dirs does not match the number of sort keys");
}

TEST(ListQuery, OneDirectionIsTheDirectionOfTies) {
  EXPECT_TRUE(query_of({}).ties_descending);
  EXPECT_TRUE(query_of({{"sort_key", "name"}}).ties_descending);
  EXPECT_FALSE(query_of({{"sort_key", "name"}, {"sort_dir", "asc"}}).ties_descending);
  EXPECT_FALSE(query_of({{"sort", "name:asc"}}).ties_descending);
  EXPECT_TRUE(query_of({{"sort", "name:asc,size:asc"}}).ties_descending);
}

TEST(ListQuery, OfARepeatedParameterTheLastCounts) {
  const auto query = query_of({{"name", "a"}, {"limit", "1"}, {"name", "b"}, {"limit", "2"}});
  ASSERT_EQ(query.filters.size(), 1U);
  EXPECT_THAT(query.filters[0].values, testing::ElementsAre("b"));
  EXPECT_EQ(query.limit, 2U);
}

TEST(ListQuery, HoldsAFewDozenFilters) {
  Query parameters;
  for (int i = 0; i < 64; ++i) parameters.emplace_back("tag", std::to_string(i));
  EXPECT_EQ(query_of(parameters).tags.size(), 64U);
  parameters.emplace_back("p", "x");
  EXPECT_EQ(refusal(parameters), "A list can have 64 filters at most.");
}

TEST(ListQuery, KeepsEveryTag) {
  EXPECT_THAT(query_of({{"tag", "a"}, {"tag", "b"}}).tags, testing::ElementsAre("a", "b"));
}

TEST(ListQuery, LeavesOutForeignCommunityImagesUnlessAskedFor) {
  EXPECT_FALSE(query_of({}).foreign_community);
  EXPECT_TRUE(query_of({{"visibility", "all"}}).foreign_community);
  EXPECT_EQ(query_of({{"visibility", "all"}}).visibility, std::nullopt);
  EXPECT_EQ(query_of({{"visibility", "community"}}).visibility, Visibility::community);
  EXPECT_EQ(refusal({{"visibility", "x"}}), "Invalid visibility value: x");
}

TEST(ListQuery, ListsAcceptedSharesUnlessAskedForOthers) {
  EXPECT_EQ(query_of({}).membership, MemberStatus::accepted);
  EXPECT_EQ(query_of({{"member_status", "pending"}}).membership, MemberStatus::pending);
  EXPECT_EQ(query_of({{"member_status", "all"}}).membership, std::nullopt);
  EXPECT_EQ(refusal({{"member_status", "x"}}), "Invalid status: x");
}

TEST(ListLinks, KeepAllParametersButTheMarker) {
  const auto id = *ImageId::parse("11111111-1111-1111-1111-111111111111");
  const Query parameters = {
      {"tag", "a"}, {"tag", "b&c"}, {"marker", "x"}, {"sort", "name:asc"}, {"limit", "2"}};
  EXPECT_EQ(first_page_link(parameters), "/v2/images?tag=a&tag=b%26c&sort=name%3Aasc&limit=2");
  EXPECT_EQ(next_page_link(parameters, id),
            "/v2/images?tag=a&tag=b%26c&sort=name%3Aasc&limit=2&marker=" + id.text());
  EXPECT_EQ(first_page_link({}), "/v2/images");
  EXPECT_EQ(next_page_link({}, id), "/v2/images?marker=" + id.text());
}

}  // namespace
}  // namespace glance::api
