// SPDX-License-Identifier: Apache-2.0
#include "catalog/upload/locations.h"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>

#include "catalog/config/spec.h"
#include "catalog/database/database.h"
#include "catalog/rows/location_rows.h"
#include "tests/unit/support/catalog_fixture.h"

namespace glance {
namespace {

using test::error_of;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

namespace fs = std::filesystem;

const Caller kOwner = {.project = "owner", .roles = {"member"}};

class Locations : public test::CatalogFixture {
 protected:
  Locations() {
    catalog_.reset();
    auto config = read_spec(spec(), false);
    config.show_multiple_locations = true;
    config.limits.image_location_quota = 3;
    catalog_ = Catalog::open(config);
  }

  /// A file in the store that no image has; its URL.
  [[nodiscard]] std::string put(const std::string& name, const std::string& data) const {
    std::ofstream(datadir() / name) << data;
    return url_of(name);
  }
  [[nodiscard]] std::string url_of(const std::string& name) const {
    return "file://" + (datadir() / name).string();
  }

  /// One more location, with no question asked.
  void insert_location(const ImageId& id, const std::string& url) const {
    Database database(database_url(), false);
    database.write([&](Session& sql) { rows::insert_location(sql, id, {.url = url}, now()); });
  }

  Image patch(const ImageId& id, LocationEdit edit, const Caller& caller) const {
    const std::vector<ImageEdit> edits = {std::move(edit)};
    return catalog_->patch(caller, id, edits);
  }
  Image add_location(const ImageId& id, const std::string& url, const std::string& position = "-",
                     std::optional<ValidationData> validation = {}) const {
    return patch(id,
                 {.kind = LocationEdit::Kind::add,
                  .position = position,
                  .locations = {{.location = {.url = url}, .validation = std::move(validation)}}},
                 caller_);
  }
  Image remove_location(const ImageId& id, const std::string& position) const {
    return patch(id, {.kind = LocationEdit::Kind::remove, .position = position, .locations = {}},
                 caller_);
  }
  Image replace_locations(const ImageId& id, const std::vector<Location>& locations) const {
    LocationEdit edit{.kind = LocationEdit::Kind::replace, .position = "-", .locations = {}};
    for (const auto& each : locations) edit.locations.push_back({.location = each});
    return patch(id, std::move(edit), caller_);
  }

  /// What counts for the owner's quota.
  [[nodiscard]] std::uint64_t stored_bytes(const std::optional<std::string>& owner) const {
    Database database(database_url(), false);
    return database.read([&](Session& sql) { return rows::sum_stored_bytes(sql, owner); });
  }

  static std::vector<std::string> urls(const Image& image) {
    std::vector<std::string> urls;
    for (const auto& each : image.locations) urls.push_back(each.url);
    return urls;
  }
};

TEST_F(Locations, MakeAQueuedImageActiveAndGiveItItsSize) {
  const auto url = put("disk", "hello");
  const auto image = add_location(add("x").id, url);
  EXPECT_EQ(image.status, ImageStatus::active);
  EXPECT_EQ(image.size, 5U);
  EXPECT_EQ(image.checksum, std::nullopt);
  EXPECT_THAT(urls(*catalog_->find(caller_, image.id)), ElementsAre(url));
  EXPECT_EQ(data_of(image.id), "hello");
}

TEST_F(Locations, AreOneForOneFileHoweverItIsSpelled) {
  const auto image = store("x", "hello");
  const auto copy = put("copy", "hello");
  for (const auto& name : {"/copy", "./copy", "folder/../copy", ".//.//copy"}) {
    const auto id = add("y").id;
    const auto added = add_location(id, url_of("") + name);
    EXPECT_THAT(urls(added), ElementsAre(copy)) << name;
    EXPECT_EQ(error_of([&] { return add_location(id, url_of("") + name); }), Errc::invalid);
    EXPECT_EQ(error_of([&] { return add_location(image.id, url_of("") + name); }), Errc::invalid);
    const Location edited{.url = url_of("") + "/" + name, .metadata = R"({"k": "v"})"};
    EXPECT_EQ(error_of([&] { return replace_locations(id, {edited, {.url = copy}}); }),
              Errc::invalid);
    EXPECT_THAT(replace_locations(id, {edited}).locations,
                ElementsAre(Location{.url = copy, .metadata = edited.metadata}));
    EXPECT_EQ(data_of(id), "hello");
    catalog_->remove(caller_, id);
    EXPECT_THAT(stored_files(), ElementsAre(image.id.text()));
    (void)put("copy", "hello");
  }
  EXPECT_EQ(error_of([&] {
              return replace_locations(add("z").id, {{.url = copy}, {.url = url_of("./copy")}});
            }),
            Errc::invalid);
  EXPECT_EQ(error_of([&] { return add_location(image.id, url_of("") + "/" + image.id.text()); }),
            Errc::invalid);
}

// As a catalog may have them that was written by others.
TEST_F(Locations, ThatNameOneFileTwiceKeepItsData) {
  for (const std::string prefix : {"", "/", "./", "folder/../"}) {
    const auto image = store("x", "hello");
    const auto again = url_of("") + prefix + image.id.text();
    insert_location(image.id, again);
    ASSERT_EQ(urls(*catalog_->find(caller_, image.id)).size(), 2U);
    EXPECT_THAT(urls(remove_location(image.id, "0")), ElementsAre(again));
    EXPECT_THAT(urls(*catalog_->find(caller_, image.id)), ElementsAre(again));
    EXPECT_EQ(catalog_->recover().removed, 0U);
    EXPECT_EQ(data_of(image.id), "hello");
    catalog_->remove(caller_, image.id);
    EXPECT_THAT(stored_files(), IsEmpty());
  }
}

TEST_F(Locations, OfTwoImagesKeepTheirDataForTheLast) {
  for (const std::string prefix : {"", "/", "./", "folder/../"}) {
    const auto image = store("x", "hello");
    const auto other = add_location(add("y").id, put("own", "hello"));
    insert_location(other.id, url_of("") + prefix + image.id.text());
    catalog_->remove(caller_, image.id);
    EXPECT_EQ(catalog_->recover().removed, 0U);
    fs::remove(datadir() / "own");
    EXPECT_EQ(data_of(other.id), "hello") << prefix;
    catalog_->remove(caller_, other.id);
    EXPECT_THAT(stored_files(), IsEmpty());
  }
}

TEST_F(Locations, AreNotOfDataThatAreAboutToBeRemoved) {
  const auto url = put("disk", "hello");
  Database database(database_url(), false);
  database.write([&](Session& sql) { rows::note_garbage(sql, url_of("./disk"), now()); });
  EXPECT_EQ(error_of([&] { return add_location(add("x").id, url); }), Errc::invalid);
  EXPECT_EQ(catalog_->recover().removed, 1U);
  EXPECT_THAT(stored_files(), IsEmpty());
}

TEST_F(Locations, NeedTheFormats) {
  const auto image = catalog_->add(caller_, {.name = "x"});
  EXPECT_EQ(error_of([&] { return add_location(image.id, put("disk", "hello")); }), Errc::invalid);
  EXPECT_EQ(catalog_->find(caller_, image.id)->status, ImageStatus::queued);
}

TEST_F(Locations, TakeOverTheDigestsThatAreStated) {
  const ValidationData stated{.checksum = std::string(32, 'A'),
                              .os_hash_algo = "sha512",
                              .os_hash_value = std::string(128, 'b')};
  const auto image = add_location(add("x").id, put("disk", "hello"), "-", stated);
  EXPECT_EQ(image.checksum, std::string(32, 'a'));
  EXPECT_EQ(image.os_hash_value, std::string(128, 'b'));

  // The same again is no news, anything else a contradiction.
  auto again = stated;
  again.checksum = std::string(32, 'a');
  EXPECT_EQ(urls(add_location(image.id, put("copy", "hello"), "-", again)).size(), 2U);
  again.os_hash_value = std::string(128, 'c');
  EXPECT_EQ(error_of([&] { return add_location(image.id, put("c3", "hello"), "-", again); }),
            Errc::conflict);
}

TEST_F(Locations, RefuseDigestsThatAreNone) {
  const auto id = add("x").id;
  const auto url = put("disk", "hello");
  const auto with = [&](const std::string& algo, const std::string& value,
                        std::optional<std::string> checksum = {}) {
    return error_of([&] {
      return add_location(
          id, url, "-",
          ValidationData{
              .checksum = std::move(checksum), .os_hash_algo = algo, .os_hash_value = value});
    });
  };
  EXPECT_EQ(with("md5", std::string(32, '0')), Errc::conflict);
  EXPECT_EQ(with("sha512", "00"), Errc::conflict);
  EXPECT_EQ(with("sha512", std::string(128, 'x')), Errc::conflict);
  EXPECT_EQ(with("sha512", std::string(128, '0'), std::string(32, 'x')), Errc::conflict);
  EXPECT_EQ(catalog_->find(caller_, id)->os_hash_value, std::nullopt);
}

TEST_F(Locations, AreOfTheStoresOwnFilesOnly) {
  const auto id = add("x").id;
  const auto other = store("other", "hello");
  fs::create_symlink("/etc/passwd", datadir() / "link");
  fs::create_directory(datadir() / "folder");
  (void)put("empty", "");
  (void)put(add("waiting").id.text(), "hello");
  for (const auto& url :
       {std::string("file:///etc/passwd"), url_of("../glance.sqlite"), url_of(".uploads/x"),
        url_of(".uploads"), url_of("folder"), url_of("link"), url_of("missing"), url_of("empty"),
        other.locations.front().url, std::string("http://127.0.0.1:1/x"), std::string("nonsense"),
        std::string(""), std::string("file://")}) {
    EXPECT_EQ(error_of([&] { return add_location(id, url); }), Errc::invalid) << url;
  }
  for (const auto& image :
       catalog_->list(caller_, {.filters = {{ImageColumn::name, {"waiting"}}}})) {
    EXPECT_EQ(error_of([&] { return add_location(id, url_of(image.id.text())); }), Errc::invalid);
  }
  EXPECT_EQ(catalog_->find(caller_, id)->status, ImageStatus::queued);
  EXPECT_EQ(data_of(other.id), "hello");
}

TEST_F(Locations, AreForAdministrators) {
  const auto image =
      catalog_->add(kOwner, {.name = "x", .disk_format = "raw", .container_format = "bare"});
  const LocationEdit edit{.locations = {{.location = {.url = put("disk", "hello")}}}};
  EXPECT_EQ(error_of([&] { return patch(image.id, edit, kOwner); }), Errc::invalid);
  (void)patch(image.id, edit, caller_);
  (void)add_location(image.id, put("copy", "hello"));
  const LocationEdit removal{.kind = LocationEdit::Kind::remove, .position = "0", .locations = {}};
  EXPECT_EQ(error_of([&] { return patch(image.id, removal, kOwner); }), Errc::forbidden);
}

TEST_F(Locations, AreKeptInTheirOrder) {
  const auto image = store("x", "hello");
  const auto own = image.locations.front().url;
  const auto first = put("first", "hello");
  const auto last = put("last", "hello");
  EXPECT_THAT(urls(add_location(image.id, first, "0")), ElementsAre(first, own));
  EXPECT_THAT(urls(add_location(image.id, last, "99")), ElementsAre(first, own, last));
  EXPECT_THAT(urls(*catalog_->find(caller_, image.id)), ElementsAre(first, own, last));
  EXPECT_EQ(error_of([&] { return add_location(image.id, put("more", "hello")); }),
            Errc::over_quota);
  for (const auto* position : {"x", "", "-1", "1.0"}) {
    EXPECT_EQ(error_of([&] { return add_location(image.id, url_of("more"), position); }),
              Errc::invalid);
  }
}

TEST_F(Locations, OfAnImageHoldTheSameData) {
  const auto image = store("x", "hello");
  EXPECT_EQ(error_of([&] { return add_location(image.id, put("other", "hell")); }), Errc::invalid);
  EXPECT_EQ(error_of([&] { return add_location(image.id, image.locations.front().url); }),
            Errc::invalid);
}

TEST_F(Locations, TakeTheirDataAlongWhenTheyAreRemoved) {
  const auto image = store("x", "hello");
  const auto copy = put("copy", "hello");
  (void)add_location(image.id, copy);
  EXPECT_EQ(error_of([&] { return remove_location(image.id, "2"); }), Errc::invalid);
  EXPECT_THAT(urls(remove_location(image.id, "0")), ElementsAre(copy));
  EXPECT_THAT(stored_files(), ElementsAre("copy"));
  EXPECT_EQ(data_of(image.id), "hello");
  EXPECT_EQ(error_of([&] { return remove_location(image.id, "0"); }), Errc::forbidden);
  catalog_->remove(caller_, image.id);
  EXPECT_THAT(stored_files(), IsEmpty());
}

TEST_F(Locations, AreReplacedByOtherMetadataOrWhereThereAreNone) {
  const auto queued = add("x").id;
  const auto url = put("disk", "hello");
  EXPECT_EQ(replace_locations(queued, {{.url = url}}).status, ImageStatus::active);
  const Location edited{.url = url, .metadata = R"({"k": "v"})"};
  EXPECT_THAT(replace_locations(queued, {edited}).locations, ElementsAre(edited));
  EXPECT_THAT(catalog_->find(caller_, queued)->locations, ElementsAre(edited));
  EXPECT_EQ(error_of([&] { return replace_locations(queued, {{.url = put("y", "hello")}}); }),
            Errc::invalid);
  EXPECT_EQ(error_of([&] { return replace_locations(queued, {}); }), Errc::forbidden);
  EXPECT_EQ(error_of([&] {
              return replace_locations(add("z").id, {{.url = url_of("y")}, {.url = url_of("y")}});
            }),
            Errc::invalid);
  EXPECT_EQ(data_of(queued), "hello");
}

TEST_F(Locations, ChangeInQueuedAndActiveImagesOnly) {
  const auto image = store("x", "hello");
  catalog_->deactivate(caller_, image.id);
  EXPECT_EQ(error_of([&] { return add_location(image.id, put("copy", "hello")); }), Errc::conflict);
  EXPECT_EQ(error_of([&] { return remove_location(add("y").id, "0"); }), Errc::conflict);
}

TEST_F(Locations, AreNotChangedWhereTheyAreNotShown) {
  auto config = catalog_->config();
  config.show_multiple_locations = false;
  catalog_ = Catalog::open(config);
  const auto id = add("x").id;
  EXPECT_EQ(error_of([&] { return add_location(id, put("disk", "hello")); }), Errc::forbidden);
}

TEST_F(Locations, InOneOfSeveralStoresCanBeRemovedByTheStoresId) {
  const auto image = store("x", "hello");
  const auto refused = [&](const std::string& store_id) {
    return error_of([&] {
      catalog_->remove_from_store(caller_, image.id, store_id);
      return 0;
    });
  };
  EXPECT_EQ(refused("file"), Errc::forbidden);
  EXPECT_EQ(refused("other"), Errc::conflict);
  (void)add_location(image.id, put("copy", "hello"));
  catalog_->remove_from_store(caller_, image.id, "file");
  EXPECT_THAT(urls(*catalog_->find(caller_, image.id)), ElementsAre(url_of("copy")));
  EXPECT_THAT(stored_files(), ElementsAre("copy"));
}

TEST_F(Locations, AllCountForTheOwnersStorage) {
  const auto image = store("x", "hello");
  EXPECT_EQ(stored_bytes(std::nullopt), 5U);
  (void)add_location(image.id, put("copy", "hello"));
  EXPECT_EQ(stored_bytes(std::nullopt), 10U);
  EXPECT_EQ(stored_bytes("owner"), 0U);
  catalog_->remove(caller_, image.id);
  EXPECT_EQ(stored_bytes(std::nullopt), 0U);
}

}  // namespace
}  // namespace glance
