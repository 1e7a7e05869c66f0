// SPDX-License-Identifier: Apache-2.0
#include "catalog/known_store.h"

#include <fstream>

#include <gmock/gmock.h>

#include "tests/unit/support/catalog_fixture.h"

namespace glance {
namespace {

using test::error_of;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

namespace fs = std::filesystem;

/// A catalog whose store's disk comes and goes.
class KnownStore : public test::CatalogFixture {
 protected:
  [[nodiscard]] fs::path aside() const { return fs::path(spec()) / "aside"; }
  void unmount() const {
    fs::rename(datadir(), aside());
    fs::create_directory(datadir());
  }
  void mount() const {
    fs::remove_all(datadir());
    fs::rename(aside(), datadir());
  }
  [[nodiscard]] Errc upload_error(const ImageId& id) const {
    return error_of([&] { return catalog_->upload(caller_, id, {}); });
  }
};

TEST_F(KnownStore, IsNotAnEmptyMountPoint) {
  const Image image = store("x", "data");
  const Image queued = add("y");
  unmount();
  EXPECT_EQ(error_of([&] { return catalog_->open_data(caller_, image.id); }), Errc::unavailable);
  EXPECT_EQ(upload_error(queued.id), Errc::unavailable);
  EXPECT_EQ(error_of([&] { return catalog_->space(std::nullopt); }), Errc::unavailable);
  catalog_->remove(caller_, image.id);
  catalog_->recover();
  EXPECT_TRUE(fs::is_empty(datadir())) << "nothing is written to the disk below";

  // Nothing was forgotten: the data go once their disk is there again.
  EXPECT_TRUE(fs::exists(aside() / image.id.text()));
  mount();
  EXPECT_EQ(catalog_->recover().removed, 1U);
  EXPECT_THAT(stored_files(), IsEmpty());
  EXPECT_EQ(store("z", "more").status, ImageStatus::active);
}

TEST_F(KnownStore, MayComeAfterTheCatalogWasOpened) {
  const Image image = store("x", "data");
  unmount();
  catalog_ = open();
  EXPECT_EQ(error_of([&] { return catalog_->open_data(caller_, image.id); }), Errc::unavailable);
  mount();
  EXPECT_EQ(data_of(image.id), "data");
}

TEST_F(KnownStore, SaysWhatToDoIfItIsTheRightOne) {
  const Image image = store("x", "data");
  fs::remove(datadir() / kStoreMarker);
  catalog_ = open();
  try {
    (void)catalog_->open_data(caller_, image.id);
    FAIL();
  } catch (const Error& error) {
    const std::string text = error.what();
    EXPECT_THAT(text, HasSubstr((datadir() / kStoreMarker).string()));
    const auto marker = text.find("write the line ") + std::string("write the line ").size();
    std::ofstream(datadir() / kStoreMarker) << text.substr(marker, 36) << "\n";
  }
  EXPECT_EQ(data_of(image.id), "data");
}

TEST_F(KnownStore, IsNotAnotherCatalogs) {
  const Image image = store("x", "data");
  std::ofstream(datadir() / kStoreMarker) << ImageId::random().text() << "\n";
  catalog_ = open();
  EXPECT_EQ(error_of([&] { return catalog_->open_data(caller_, image.id); }), Errc::unavailable);
}

TEST_F(KnownStore, OfAnExistingGlanceIsKnownByItsData) {
  const Image image = store("x", "data");
  const auto forget = [&] {
    fs::remove(datadir() / kStoreMarker);
    Database database(database_url(), false);
    database.write([](Session& sql) { execute(sql, "DELETE FROM glancefs_stores"); });
  };
  forget();
  unmount();
  catalog_ = open();
  EXPECT_EQ(error_of([&] { return catalog_->open_data(caller_, image.id); }), Errc::unavailable);
  EXPECT_TRUE(fs::is_empty(datadir()));
  mount();
  EXPECT_EQ(data_of(image.id), "data");
  EXPECT_TRUE(fs::exists(datadir() / kStoreMarker));
}

TEST_F(KnownStore, MovesWithItsCatalog) {
  const Image image = store("x", "data");
  catalog_.reset();
  const fs::path moved = spec() + "-moved";
  fs::rename(spec(), moved);
  const auto catalog = Catalog::open(read_spec(moved, false));
  EXPECT_EQ(catalog->open_data(caller_, image.id)->size(), 4U);
  std::vector<std::string> findings;
  catalog->check([&](const Finding& each) { findings.push_back(each.text); });
  EXPECT_THAT(findings, IsEmpty());
  catalog->remove(caller_, image.id);
  EXPECT_FALSE(fs::exists(moved / "images" / image.id.text()));
}

TEST_F(KnownStore, IsNotItsOwnStagingArea) {
  auto config = catalog_->config();
  config.staging_datadir = config.filesystem_store_datadir;
  EXPECT_EQ(error_of([&] { return Catalog::open(config); }), Errc::invalid);
}

}  // namespace
}  // namespace glance
