// SPDX-License-Identifier: Apache-2.0
#include "catalog/rows/image_select.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "catalog/database/database.h"
#include "catalog/rows/image_rows.h"
#include "tests/unit/support/catalog_fixture.h"

namespace glance {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

const Caller kAdmin = Caller::local_admin();
const Caller kProject = {.project = "p", .roles = {"member"}};

/// What SQLite says that it will do, without running it.
class APage : public test::CatalogFixture {
 protected:
  /// One text per SELECT.
  [[nodiscard]] std::vector<std::string> plans(const std::vector<ImageSelect>& selects) const {
    Database database(database_url(), false);
    return database.read([&](Session& sql) {
      std::vector<std::string> plans;
      for (const auto& [text, bindings] : selects) plans.push_back(plan_of(sql, text, bindings));
      return plans;
    });
  }

  [[nodiscard]] std::vector<std::string> walk(const ImageQuery& query,
                                              const MarkerValues& marker = {},
                                              const Caller& caller = kAdmin) const {
    return plans(page_selects(query, caller, marker, std::nullopt));
  }

 private:
  static std::string plan_of(Session& sql, const std::string& text,
                             const std::vector<std::string>& bindings) {
    std::string plan;
    int id = 0;
    int parent = 0;
    int unused = 0;
    std::string detail;
    soci::statement statement(sql);
    for (const auto& each : bindings) statement.exchange(soci::use(each));
    statement.exchange(soci::into(id));
    statement.exchange(soci::into(parent));
    statement.exchange(soci::into(unused));
    statement.exchange(soci::into(detail));
    statement.alloc();
    statement.prepare("EXPLAIN QUERY PLAN " + text + " LIMIT 25");
    statement.define_and_bind();
    statement.execute();
    while (statement.fetch()) plan += detail + "\n";
    return plan;
  }
};

/// Sorting would look at every image; so would an index on `deleted` alone.
auto WalksBy(const std::string& index) {
  const auto* begin = index.find('(') == std::string::npos ? " (deleted=?" : "";
  return AllOf(HasSubstr("SEARCH images USING INDEX " + index + begin),
               Not(HasSubstr("TEMP B-TREE")), Not(HasSubstr("SCAN")));
}

struct SortColumn {
  ImageColumn column;
  std::string index;
};

const std::vector<SortColumn> kSortColumns = {
    {ImageColumn::name, "glancefs_images_page_name"},
    {ImageColumn::status, "glancefs_images_page_status"},
    {ImageColumn::container_format, "glancefs_images_page_container_format"},
    {ImageColumn::disk_format, "glancefs_images_page_disk_format"},
    {ImageColumn::size, "glancefs_images_page_size"},
    {ImageColumn::id, "glancefs_images_page_id"},
    {ImageColumn::created_at, "glancefs_images_page"},
    {ImageColumn::updated_at, "glancefs_images_page_updated_at"},
};

TEST_F(APage, IsReadFromAnIndexInEveryOrder) {
  for (const auto& [column, index] : kSortColumns) {
    for (const bool descending : {false, true}) {
      const ImageQuery query{.foreign_community = false,
                             .sort = {{column, descending}},
                             .ties_descending = descending};
      EXPECT_THAT(walk(query), AllOf(SizeIs(1), Each(WalksBy(index))));
    }
  }
}

TEST_F(APage, AfterAMarkerEntersTheIndexThere) {
  for (const auto& [column, index] : kSortColumns) {
    for (const bool descending : {false, true}) {
      ImageQuery query{.sort = {{column, descending}}, .ties_descending = descending};
      query.marker = ImageId::random();
      const auto keys = full_sort(query).size();
      for (const bool null : {false, true}) {
        MarkerValues marker(keys, "5");
        const bool nullable = keys == 3 && column != ImageColumn::status;
        if (null && nullable) marker.front().reset();
        const auto plans = walk(query, marker);
        EXPECT_THAT(plans, AllOf(Not(IsEmpty()), Each(WalksBy(index))));
        EXPECT_THAT(plans.front(), HasSubstr(keys == 3 ? "created_at=? AND id" : "id"));
      }
    }
  }
}

TEST_F(APage, OfAnyCallerAndAnyFilterIsReadFromTheIndex) {
  const ImageQuery query{
      .filters = {{ImageColumn::owner, {"p"}},
                  {ImageColumn::min_ram, {"5"}, Comparison::greater},
                  {ImageColumn::updated_at, {"2026"}, Comparison::less},
                  {ImageColumn::checksum, {"a", "b"}}},
      .properties = {{"os_distro", "debian"}},
      .tags = {"t"},
      .visibility = Visibility::shared,
      .foreign_community = false,
      .membership = MemberStatus::accepted,
  };
  for (const auto& caller : {kAdmin, kProject}) {
    EXPECT_THAT(walk(query, {}, caller), AllOf(SizeIs(1), Each(WalksBy("glancefs_images_page"))));
  }
}

TEST_F(APage, OfOneNameOrStatusIsReadFromTheirIndexInTheDefaultOrder) {
  EXPECT_THAT(walk({.filters = {{ImageColumn::status, {"queued"}}}}),
              Each(WalksBy("glancefs_images_page_status (deleted=? AND status=?)")));
  EXPECT_THAT(walk({.filters = {{ImageColumn::name, {"n"}}}}),
              Each(WalksBy("glancefs_images_page_name (deleted=? AND name=?)")));
}

TEST_F(APage, LooksAtTheCandidatesOfALeadOnly) {
  const ImageQuery query{.filters = {{ImageColumn::owner, {"p"}},
                                     {ImageColumn::name, {"a", "b"}},
                                     {ImageColumn::created_at, {"2026"}, Comparison::greater}},
                         .properties = {{"os_distro", "debian"}},
                         .tags = {"t"},
                         .os_hidden = true,
                         .visibility = Visibility::shared};
  const auto all = leads(query, kProject);
  EXPECT_THAT(all, SizeIs(8));
  for (const auto& lead : all) {
    const auto plan = plans(page_selects(query, kProject, {}, lead));
    EXPECT_THAT(plan, AllOf(SizeIs(1), Each(HasSubstr("SEARCH images USING INDEX "
                                                      "sqlite_autoindex_images_1 (id=?)"))));
    EXPECT_THAT(plan.front(), AllOf(Not(HasSubstr("ix_images_deleted")), Not(HasSubstr("SCAN "))));
    const auto counting = plans({count_select(lead)});
    EXPECT_THAT(counting.front(), AllOf(HasSubstr("COVERING INDEX"), Not(HasSubstr("SCAN image")),
                                        Not(HasSubstr("deleted_"))));
  }
}

TEST_F(APage, HasNoLeadThatNoIndexServes) {
  EXPECT_THAT(leads({.filters = {{ImageColumn::min_ram, {"1"}},
                                 {ImageColumn::created_at, {"2026"}, Comparison::not_equal}},
                     .os_hidden = false},
                    kAdmin),
              IsEmpty());
}

TEST(FullSort, EndsWithTheIdAndRepeatsNothing) {
  const auto columns = [](const ImageQuery& query) {
    std::vector<ImageColumn> all;
    for (const auto& each : full_sort(query)) all.push_back(each.column);
    return all;
  };
  using enum ImageColumn;
  EXPECT_THAT(columns({}), testing::ElementsAre(created_at, id));
  EXPECT_THAT(columns({.sort = {{name}, {name, false}, {created_at}}}),
              testing::ElementsAre(name, created_at, id));
  EXPECT_THAT(columns({.sort = {{id}, {name}}}), testing::ElementsAre(id));
}

}  // namespace
}  // namespace glance
