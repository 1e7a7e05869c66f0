// SPDX-License-Identifier: Apache-2.0
#include "catalog/upload/garbage.h"

#include <gmock/gmock.h>

#include "catalog/rows/image_rows.h"
#include "catalog/rows/location_rows.h"
#include "catalog/store/file_store.h"
#include "catalog/upload/publication.h"
#include "catalog/upload/recovery.h"
#include "tests/unit/support/catalog_fixture.h"

namespace glance {
namespace {

using test::error_of;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

/// A store whose disk can fail to keep what is removed.
class FaultyStore final : public Store {
 public:
  explicit FaultyStore(const std::filesystem::path& datadir) : store_(datadir, "file", false) {}

  std::unique_ptr<BlobWriter> create(const ImageId& id) override { return store_.create(id); }
  BlobClaim claim(const ImageId& id) override { return store_.claim(id); }
  [[nodiscard]] std::vector<ImageId> unfinished() const override { return store_.unfinished(); }
  [[nodiscard]] std::vector<std::string> blobs() const override { return store_.blobs(); }
  [[nodiscard]] std::optional<std::string> canonical_url(const std::string& url) const override {
    return store_.canonical_url(url);
  }
  std::unique_ptr<BlobReader> open(const Location& location) override {
    return store_.open(location);
  }
  void remove(const std::string& url) override { store_.remove(url); }
  void sync_removals() override {
    ++syncs;
    if (fails) throw Error(Errc::io, "fsync of the store");
    store_.sync_removals();
  }
  [[nodiscard]] Space space() const override { return store_.space(); }

  int syncs = 0;
  bool fails = false;

 private:
  FileStore store_;
};

class Garbage : public test::CatalogFixture {
 protected:
  [[nodiscard]] std::vector<std::string> noted() {
    return database_.read([](Session& sql) { return rows::select_garbage(sql); });
  }
  void delete_row(const Image& image) {
    database_.write([&](Session& sql) { rows::delete_image(sql, image, now()); });
  }
  RecoveryReport recover() { return recover_uploads(database_, store_, "sha512"); }

  Database database_{database_url(), false};
  FaultyStore store_{datadir()};
};

TEST_F(Garbage, IsNotForgottenBeforeItIsDurablyGone) {
  const auto image = store("x", "data");
  delete_row(image);
  store_.fails = true;
  remove_data(database_, store_, image.id, image.locations);
  EXPECT_EQ(store_.syncs, 1);
  EXPECT_THAT(noted(), ElementsAre(image.locations.front().url));
  EXPECT_EQ(recover().removed, 0U);
  EXPECT_THAT(noted(), SizeIs(1));

  // As a power cut may have it.
  store_.fails = false;
  store_.create(image.id)->publish();
  EXPECT_EQ(recover().removed, 1U);
  EXPECT_THAT(noted(), IsEmpty());
  EXPECT_THAT(stored_files(), IsEmpty());
}

TEST_F(Garbage, OfManyImagesIsMadeDurableAtOnce) {
  for (int i = 0; i < 5; ++i) delete_row(store("x", "data"));
  EXPECT_EQ(recover().removed, 5U);
  EXPECT_EQ(store_.syncs, 1);
  EXPECT_THAT(noted(), IsEmpty());
  EXPECT_THAT(stored_files(), IsEmpty());
  EXPECT_EQ(recover().removed, 0U);
  EXPECT_EQ(store_.syncs, 1);
}

TEST_F(Garbage, ThatCannotBeRemovedKeepsNoOtherAndStays) {
  const auto image = store("x", "data");
  const auto stuck = "file://" + (datadir() / "stuck").string();
  std::filesystem::create_directory(datadir() / "stuck");
  database_.write([&](Session& sql) { rows::note_garbage(sql, stuck, now()); });
  delete_row(image);
  EXPECT_EQ(recover().removed, 1U);
  EXPECT_THAT(noted(), ElementsAre(stuck));
  EXPECT_THAT(stored_files(), IsEmpty());
}

TEST_F(Garbage, IsWhatAnUploadOfADeletedImageHasPublished) {
  const auto image = add("x");
  const auto upload = catalog_->upload(caller_, image.id, {});
  upload->write(0, bytes("data"));
  upload->seal();
  catalog_->remove(caller_, image.id);
  EXPECT_EQ(error_of([&] { upload->publish(); }), Errc::gone);
  EXPECT_THAT(noted(), IsEmpty());
  EXPECT_THAT(stored_files(), IsEmpty());
}

}  // namespace
}  // namespace glance
