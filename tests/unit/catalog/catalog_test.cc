// SPDX-License-Identifier: Apache-2.0
#include "catalog/catalog.h"

#include <algorithm>
#include <thread>
#include <tuple>

#include <gmock/gmock.h>

#include "catalog/database/database.h"
#include "catalog/database/schema.h"
#include "tests/unit/support/catalog_fixture.h"

namespace glance {
namespace {

using test::error_of;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ACatalog : public test::CatalogFixture {
 protected:
  Image update(const ImageId& id, std::vector<AttributeEdit> edits) const {
    return catalog_->update(caller_, id, edits);
  }

  [[nodiscard]] std::vector<std::string> names(const ImageQuery& query) const {
    std::vector<std::string> all;
    for (const auto& image : catalog_->list(caller_, query)) all.push_back(*image.name);
    return all;
  }

  long long count(const std::string& select) const {
    Database database(database_url(), false);
    return database.read([&](Session& sql) {
      long long number = 0;
      sql << select, soci::into(number);
      return number;
    });
  }
};

TEST_F(ACatalog, ATableOfAnEarlierVersionIsBroughtUpToDate) {
  {
    Database database(database_url(), false);
    database.write([](Session& sql) {
      sql << "ALTER TABLE glancefs_uploads ADD COLUMN hidden BOOLEAN NOT NULL DEFAULT 0";
    });
  }
  static_cast<void>(open());
  EXPECT_EQ(
      count("SELECT COUNT(*) FROM pragma_table_info('glancefs_uploads') WHERE name = 'hidden'"), 0);
}

TEST_F(ACatalog, UploadsOfAnEarlierVersionNameNoInstance) {
  {
    Database database(database_url(), false);
    database.write([](Session& sql) {
      sql << "ALTER TABLE glancefs_uploads DROP COLUMN instance";
      sql << "DROP TABLE glancefs_instances";
      sql << "DROP TABLE glancefs_stagings";
      sql << "INSERT INTO glancefs_uploads (image_id, host, origin, owns_image, state, created_at,"
             " updated_at) VALUES ('5d0cb9e2-0000-4000-8000-00000000abcd', 'elsewhere', 'rest', 0,"
             " 'open', '2026-01-01 00:00:00.000000', '2026-01-01 00:00:00.000000')";
    });
  }
  const auto catalog = open();
  EXPECT_EQ(count("SELECT COUNT(*) FROM glancefs_uploads WHERE instance IS NULL"), 1);
  EXPECT_EQ(catalog->recover().discarded, 1U);
  EXPECT_EQ(count("SELECT COUNT(*) FROM glancefs_uploads"), 0);
}

TEST_F(ACatalog, GivesBackWhatWasAdded) {
  const Image added = catalog_->add(caller_, {.name = "x",
                                              .visibility = Visibility::public_,
                                              .is_protected = true,
                                              .min_disk = 3,
                                              .tags = {"b", "a", "b"},
                                              .properties = {{"os_distro", "debian"}, {"e", ""}}});
  const auto found = catalog_->find(caller_, added.id);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->name, "x");
  EXPECT_EQ(found->status, ImageStatus::queued);
  EXPECT_EQ(found->visibility, Visibility::public_);
  EXPECT_TRUE(found->is_protected);
  EXPECT_EQ(found->min_disk, 3);
  EXPECT_EQ(found->size, std::nullopt);
  EXPECT_THAT(found->tags, ElementsAre("a", "b"));
  EXPECT_EQ(found->properties.at("os_distro"), "debian");
  EXPECT_EQ(found->properties.at("e"), "");
  EXPECT_EQ(found->created_at, added.created_at);
}

TEST_F(ACatalog, NeverUsesAnIdAgain) {
  const Image image = add("x");
  EXPECT_EQ(error_of([&] { catalog_->add(caller_, {.id = image.id}); }), Errc::exists);
  catalog_->remove(caller_, image.id);
  EXPECT_EQ(error_of([&] { catalog_->add(caller_, {.id = image.id}); }), Errc::exists);
}

TEST_F(ACatalog, RemovesSoftlyAndTheDataForGood) {
  const Image image = store("x", "data");
  update(image.id, {{.name = "k", .value = "v"}});
  catalog_->remove(caller_, image.id);

  EXPECT_EQ(catalog_->find(caller_, image.id), std::nullopt);
  EXPECT_THAT(stored_files(), IsEmpty());
  EXPECT_EQ(count("SELECT COUNT(*) FROM images WHERE deleted AND deleted_at IS NOT NULL AND "
                  "status = 'deleted' AND size = 4"),
            1);
  EXPECT_EQ(count("SELECT COUNT(*) FROM image_properties WHERE deleted AND value = 'v'"), 1);
  EXPECT_EQ(count("SELECT COUNT(*) FROM image_locations WHERE deleted AND status = 'deleted'"), 1);
  EXPECT_EQ(count("SELECT COUNT(*) FROM glancefs_garbage"), 0);
  EXPECT_EQ(error_of([&] { catalog_->remove(caller_, image.id); }), Errc::not_found);
}

TEST_F(ACatalog, KeepsProtectedImages) {
  const Image image = store("x", "data");
  update(image.id, {{.name = "protected", .value = true}});
  EXPECT_EQ(error_of([&] { catalog_->remove(caller_, image.id); }), Errc::protected_);
  EXPECT_EQ(data_of(image.id), "data");
}

TEST_F(ACatalog, ChangesOnlyWhatMeetsTheCondition) {
  const Image image = store("x", "data");
  update(image.id, {{.name = "k", .value = "v"}});
  const std::vector<ImageEdit> edits = {AttributeEdit{.name = "k", .value = "w"}};
  const auto holds = [](const std::string& value) {
    return [value](const Image& present) { return present.properties.at("k") == value; };
  };
  EXPECT_EQ(error_of([&] { catalog_->patch(caller_, image.id, edits, holds("w")); }), Errc::unmet);
  EXPECT_EQ(catalog_->find(caller_, image.id)->properties.at("k"), "v");
  EXPECT_EQ(catalog_->patch(caller_, image.id, edits, holds("v")).properties.at("k"), "w");

  EXPECT_EQ(error_of([&] { catalog_->remove(caller_, image.id, holds("v")); }), Errc::unmet);
  EXPECT_EQ(data_of(image.id), "data");
  catalog_->remove(caller_, image.id, holds("w"));
  EXPECT_EQ(catalog_->find(caller_, image.id), std::nullopt);
}

TEST_F(ACatalog, OpenReadersKeepTheDataOfADeletedImage) {
  const Image image = store("x", "data");
  const auto reader = catalog_->open_data(caller_, image.id);
  catalog_->remove(caller_, image.id);
  std::string data(4, '\0');
  EXPECT_EQ(reader->read(0, std::as_writable_bytes(std::span(data))), 4U);
  EXPECT_EQ(data, "data");
}

TEST_F(ACatalog, AppliesAllEditsOrNone) {
  const Image image = add("x");
  EXPECT_EQ(error_of([&] {
              update(image.id, {{.name = "good", .value = "1"},
                                {.name = "min_ram", .value = std::int64_t{-1}}});
            }),
            Errc::invalid);
  EXPECT_THAT(catalog_->find(caller_, image.id)->properties, IsEmpty());
}

TEST_F(ACatalog, RevivesAPropertyInItsOldRowAndATagInANewOne) {
  const Image image = add("x");
  const std::vector<std::string> tag = {"t"};
  update(image.id, {{.name = "k", .value = "1"}, {.name = "tags", .value = tag}});
  update(image.id, {{.kind = AttributeEdit::Kind::remove, .name = "k"},
                    {.name = "tags", .value = std::vector<std::string>{}}});
  EXPECT_THAT(catalog_->find(caller_, image.id)->tags, IsEmpty());
  update(image.id, {{.name = "k", .value = "2"}, {.name = "tags", .value = tag}});

  EXPECT_EQ(catalog_->find(caller_, image.id)->properties.at("k"), "2");
  EXPECT_EQ(count("SELECT COUNT(*) FROM image_properties"), 1);
  EXPECT_EQ(count("SELECT COUNT(*) FROM image_properties WHERE deleted_at IS NOT NULL"), 1);
  EXPECT_EQ(count("SELECT COUNT(*) FROM image_tags"), 2);
}

TEST_F(ACatalog, AddsAndRemovesOneTagBesideOthers) {
  const ImageId id = catalog_->add(caller_, {.name = "x", .tags = {"old"}}).id;
  catalog_->add_tag(caller_, id, "prod");
  catalog_->add_tag(caller_, id, "prod");
  EXPECT_THAT(catalog_->find(caller_, id)->tags, ElementsAre("old", "prod"));
  catalog_->remove_tag(caller_, id, "old");
  EXPECT_THAT(catalog_->find(caller_, id)->tags, ElementsAre("prod"));
  EXPECT_EQ(error_of([&] {
              catalog_->remove_tag(caller_, id, "old");
              return 0;
            }),
            Errc::not_found);
  EXPECT_EQ(error_of([&] {
              catalog_->add_tag(caller_, id, std::string(256, 'x'));
              return 0;
            }),
            Errc::invalid);
  EXPECT_EQ(error_of([&] {
              catalog_->add_tag(caller_, ImageId::random(), "x");
              return 0;
            }),
            Errc::not_found);
}

TEST_F(ACatalog, ParallelTaggersLoseNoTag) {
  const ImageId id = add("x").id;
  std::vector<std::thread> taggers;
  for (int i = 0; i < 8; ++i) {
    taggers.emplace_back([&, i] { catalog_->add_tag(caller_, id, "tag" + std::to_string(i)); });
  }
  for (auto& each : taggers) each.join();
  EXPECT_EQ(catalog_->find(caller_, id)->tags.size(), 8U);
}

TEST_F(ACatalog, EntriesTellTagsDigestsAndTimes) {
  const Image bare = add("bare");
  const Image full = store("full", "data");
  for (const char* tag : {"b", "a"}) catalog_->add_tag(caller_, full.id, tag);
  const Timestamp wanted{std::chrono::seconds(1'000'000'000)};
  catalog_->set_data_time(caller_, bare.id, wanted);

  const std::array ids = {full.id, bare.id, ImageId::random()};
  for (auto entries : {catalog_->entries(caller_), catalog_->entries(caller_, ids)}) {
    ASSERT_EQ(entries.size(), 2U);
    std::ranges::sort(entries, {}, &ImageEntry::name);
    EXPECT_EQ(entries[0].data_time, wanted);
    EXPECT_FALSE(entries[0].has_md5 || entries[0].has_sha512);
    EXPECT_TRUE(entries[0].tags.empty());
    EXPECT_EQ(entries[1].tags, (std::vector<std::string>{"a", "b"}));
    EXPECT_TRUE(entries[1].has_md5 && entries[1].has_sha512);
    EXPECT_EQ(entries[1].size, 4U);
    EXPECT_LT(entries[0].name_order, entries[1].name_order);
  }
}

TEST_F(ACatalog, GivesTheDigestsOfDeletedImagesToo) {
  const Image image = store("x", "data");
  const Image queued = add("queued");
  catalog_->remove(caller_, image.id);
  const std::array ids = {image.id, queued.id, ImageId::random()};
  const auto digests = catalog_->digests(caller_, ids);
  ASSERT_EQ(digests.size(), 2U);
  EXPECT_EQ(digests.at(image.id).checksum, "8d777f385d3dfec8815d20f7496026dc");
  EXPECT_EQ(digests.at(image.id).os_hash_algo, "sha512");
  EXPECT_EQ(digests.at(queued.id), Digests{});
}

TEST_F(ACatalog, LosesNoUpdateOfParallelWriters) {
  const Image image = add("x");
  std::vector<std::thread> writers;
  for (int writer = 0; writer < 4; ++writer) {
    writers.emplace_back([&, writer] {
      const auto own = open();
      for (int i = 0; i < 10; ++i) {
        const AttributeEdit edit{.name = "p" + std::to_string(writer) + std::to_string(i),
                                 .value = "v"};
        own->update(caller_, image.id, std::span(&edit, 1));
      }
    });
  }
  for (auto& writer : writers) writer.join();
  EXPECT_EQ(catalog_->find(caller_, image.id)->properties.size(), 40U);
}

TEST_F(ACatalog, ListsNewestFirstAndPagesByMarker) {
  std::vector<std::string> all;
  for (int i = 0; i < 7; ++i) all.insert(all.begin(), *add("n" + std::to_string(i)).name);
  EXPECT_EQ(names({}), all);

  std::vector<std::string> paged;
  ImageQuery query{.limit = 3};
  for (;;) {
    const auto page = catalog_->list(caller_, query);
    if (page.empty()) break;
    EXPECT_LE(page.size(), 3U);
    for (const auto& image : page) paged.push_back(*image.name);
    query.marker = page.back().id;
  }
  EXPECT_EQ(paged, all);
}

TEST_F(ACatalog, PagesByAnySortKeyWithNullsAndTies) {
  for (const char* format : {"raw", "qcow2", "raw"}) {
    catalog_->add(caller_, {.name = format, .disk_format = format, .container_format = "bare"});
  }
  catalog_->add(caller_, {.name = "none"});
  catalog_->add(caller_, {.name = "none"});
  for (const bool descending : {false, true}) {
    ImageQuery query{.sort = {{ImageColumn::disk_format, descending}}};
    const auto whole = catalog_->list(caller_, query);
    query.limit = 1;
    std::vector<ImageId> paged;
    for (;;) {
      const auto page = catalog_->list(caller_, query);
      if (page.empty()) break;
      paged.push_back(page.front().id);
      query.marker = page.front().id;
      ASSERT_LE(paged.size(), 5U);
    }
    std::vector<ImageId> expected;
    for (const auto& image : whole) expected.push_back(image.id);
    EXPECT_EQ(paged, expected);
  }
}

TEST_F(ACatalog, FiltersByColumnsTagsAndHidden) {
  add("a");
  catalog_->add(caller_, {.name = "b", .tags = {"t", "u"}});
  catalog_->add(caller_, {.name = "c", .os_hidden = true, .tags = {"t"}});
  EXPECT_THAT(names({.filters = {{ImageColumn::name, {"a"}}}}), ElementsAre("a"));
  EXPECT_THAT(names({.tags = {"t"}}), ElementsAre("b"));
  EXPECT_THAT(names({.tags = {"t", "x"}}), IsEmpty());
  EXPECT_THAT(names({.os_hidden = true}), ElementsAre("c"));
  EXPECT_THAT(names({.os_hidden = std::nullopt}), ElementsAre("c", "b", "a"));
  EXPECT_EQ(error_of([&] { return names({.marker = ImageId::random()}); }), Errc::invalid);
}

TEST_F(ACatalog, FiltersByComparisonListsAndProperties) {
  store("small", "1");
  store("large", "12345");
  catalog_->add(caller_, {.name = "none", .properties = {{"os_distro", "debian"}, {"p", ""}}});
  const auto by = [&](ImageColumn column, std::vector<std::string> values,
                      Comparison comparison = Comparison::equal) {
    return names({.filters = {{column, std::move(values), comparison}}});
  };
  EXPECT_THAT(by(ImageColumn::name, {"small", "none", "x"}), ElementsAre("none", "small"));
  EXPECT_THAT(by(ImageColumn::name, {}), IsEmpty());
  EXPECT_THAT(by(ImageColumn::size, {"5"}), ElementsAre("large"));
  EXPECT_THAT(by(ImageColumn::size, {"2"}, Comparison::less), ElementsAre("small"));
  EXPECT_THAT(by(ImageColumn::size, {"1"}, Comparison::greater_or_equal),
              ElementsAre("large", "small"));
  EXPECT_THAT(by(ImageColumn::min_ram, {"0"}, Comparison::less_or_equal),
              ElementsAre("none", "large", "small"));
  EXPECT_THAT(by(ImageColumn::is_protected, {"1"}), IsEmpty());
  EXPECT_THAT(by(ImageColumn::created_at, {"2020-01-01 00:00:00.000000"}, Comparison::less),
              IsEmpty());
  EXPECT_THAT(by(ImageColumn::created_at, {"2020-01-01 00:00:00.000000"}, Comparison::not_equal),
              ElementsAre("none", "large", "small"));
  EXPECT_THAT(names({.properties = {{"os_distro", "debian"}}}), ElementsAre("none"));
  EXPECT_THAT(names({.properties = {{"os_distro", "debian"}, {"p", ""}}}), ElementsAre("none"));
  EXPECT_THAT(names({.properties = {{"os_distro", "ubuntu"}}}), IsEmpty());
}

TEST_F(ACatalog, AddsAndRemovesSingleTags) {
  const auto id = add("x").id;
  catalog_->add_tag(caller_, id, "b");
  catalog_->add_tag(caller_, id, "a");
  catalog_->add_tag(caller_, id, "b");
  EXPECT_THAT(catalog_->find(caller_, id)->tags, ElementsAre("a", "b"));
  catalog_->remove_tag(caller_, id, "b");
  EXPECT_THAT(catalog_->find(caller_, id)->tags, ElementsAre("a"));
  EXPECT_EQ(error_of([&] {
              catalog_->remove_tag(caller_, id, "b");
              return 0;
            }),
            Errc::not_found);
}

TEST_F(ACatalog, DeactivatesAndReactivatesActiveImages) {
  const auto id = store("x", "data").id;
  const auto status = [&] { return catalog_->find(caller_, id)->status; };
  for (int i = 0; i < 2; ++i) {
    catalog_->deactivate(caller_, id);
    EXPECT_EQ(status(), ImageStatus::deactivated);
  }
  for (int i = 0; i < 2; ++i) {
    catalog_->reactivate(caller_, id);
    EXPECT_EQ(status(), ImageStatus::active);
  }
  const auto queued = add("queued").id;
  EXPECT_EQ(error_of([&] {
              catalog_->deactivate(caller_, queued);
              return 0;
            }),
            Errc::forbidden);
}

TEST_F(ACatalog, ResolvesNamesAndIdsAndRefusesAmbiguousNames) {
  const Image first = add("twin");
  EXPECT_EQ(catalog_->resolve(caller_, "twin").id, first.id);
  EXPECT_EQ(catalog_->resolve(caller_, first.id.text()).id, first.id);
  EXPECT_EQ(error_of([&] { return catalog_->resolve(caller_, "nobody"); }), Errc::not_found);
  const Image second = add("twin");
  try {
    std::ignore = catalog_->resolve(caller_, "twin");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::ambiguous);
    EXPECT_THAT(error.what(), HasSubstr(first.id.text()));
    EXPECT_THAT(error.what(), HasSubstr(second.id.text()));
  }
}

TEST_F(ACatalog, RenamingOverAnImageTakesItsNameAndPlaceAndDeletesIt) {
  const Image old = store("disk", "old");
  const Image twin = store("disk", "twin");
  const Image fresh = store("tmp", "new");
  catalog_->rename_over(caller_, fresh.id, "disk", old.id, Replaced::deleted);

  EXPECT_EQ(catalog_->find(caller_, old.id), std::nullopt);
  EXPECT_EQ(catalog_->find(caller_, fresh.id)->name, "disk");
  EXPECT_EQ(stored_files().size(), 2U);
  const auto entries = catalog_->entries(caller_);
  const auto order = [&](const ImageId& id) {
    return std::ranges::find(entries, id, &ImageEntry::id)->name_order;
  };
  EXPECT_LT(order(fresh.id), order(twin.id));
}

TEST_F(ACatalog, AProtectedImageIsNotRenamedOver) {
  const Image old = catalog_->add(caller_, {.name = "disk", .is_protected = true});
  const Image fresh = add("tmp");
  EXPECT_EQ(error_of([&] {
              catalog_->rename_over(caller_, fresh.id, "disk", old.id, Replaced::deleted);
            }),
            Errc::protected_);
  EXPECT_EQ(catalog_->find(caller_, fresh.id)->name, "tmp");
}

TEST_F(ACatalog, AnswersReadersByTheImagesState) {
  EXPECT_EQ(error_of([&] { return catalog_->open_data(caller_, add("x").id); }), Errc::not_ready);
  EXPECT_EQ(error_of([&] { return catalog_->open_data(caller_, ImageId::random()); }),
            Errc::not_found);
  const Image image = store("y", "data");
  std::filesystem::resize_file(datadir() / image.id.text(), 2);
  EXPECT_EQ(error_of([&] { return catalog_->open_data(caller_, image.id); }), Errc::corrupt);
  std::filesystem::remove(datadir() / image.id.text());
  EXPECT_EQ(error_of([&] { return catalog_->open_data(caller_, image.id); }), Errc::missing);
}

TEST_F(ACatalog, WaitsForASealedUploadThatIsAboutToBePublished) {
  const auto image = add("x");
  const auto upload = catalog_->upload(caller_, image.id, {});
  upload->write(0, bytes("data"));
  upload->seal();
  std::thread publisher([&] { upload->publish(); });
  EXPECT_EQ(open()->find(caller_, image.id)->status, ImageStatus::active);
  publisher.join();
}

TEST_F(ACatalog, TheChangeFeedTellsOfOtherProcessesChanges) {
  const auto feed = catalog_->changes();
  EXPECT_THAT(feed->poll().images, IsEmpty());
  const auto other = open();
  const Image image = other->add(caller_, {.name = "x"});
  EXPECT_THAT(feed->poll().images, ElementsAre(image.id));
  EXPECT_THAT(feed->poll().images, IsEmpty());
  const AttributeEdit edit{.name = "tags", .value = std::vector<std::string>{"t"}};
  other->update(caller_, image.id, std::span(&edit, 1));
  EXPECT_THAT(feed->poll().images, ElementsAre(image.id));
  other->remove(caller_, image.id);
  EXPECT_THAT(feed->poll().images, ElementsAre(image.id));
}

TEST_F(ACatalog, RefusesASchemaThatItDoesNotKnow) {
  catalog_.reset();
  {
    Database database(database_url(), false);
    database.write(
        [](Session& sql) { sql << "UPDATE alembic_version SET version_num = 'from_the_future'"; });
  }
  try {
    std::ignore = open();
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::unsupported);
    EXPECT_THAT(error.what(), HasSubstr("from_the_future"));
  }
}

TEST_F(ACatalog, MakesDroppedTriggersAgain) {
  catalog_.reset();
  {
    Database database(database_url(), false);
    database.write([](Session& sql) {
      sql << "DROP TRIGGER glancefs_named_insert";
      sql << "DROP TRIGGER glancefs_changed_images_insert";
    });
  }
  catalog_ = open();
  const auto feed = catalog_->changes();
  const Image image = add("x");
  EXPECT_THAT(feed->poll().images, ElementsAre(image.id));
  EXPECT_GT(catalog_->entries(caller_).front().name_order, 0);
}

TEST_F(ACatalog, RefusesAFileThatIsNoDatabase) {
  catalog_.reset();
  std::filesystem::resize_file(spec() + "/glance.sqlite", 100);
  EXPECT_EQ(error_of([&] { return open(); }), Errc::corrupt);
}

}  // namespace
}  // namespace glance
