// SPDX-License-Identifier: Apache-2.0
#include "catalog/upload/garbage.h"

#include <fstream>

#include <gmock/gmock.h>

#include "catalog/rows/image_rows.h"
#include "catalog/rows/location_rows.h"
#include "catalog/spool/spool_area.h"
#include "catalog/store/file_store.h"
#include "catalog/store/stores.h"
#include "catalog/upload/instance_watch.h"
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
  FaultyStore(const HeldDirectory& datadir, int& syncs, bool& fails)
      : store_(datadir, "file"), syncs_(syncs), fails_(fails) {}

  [[nodiscard]] const std::string& id() const noexcept override { return store_.id(); }
  Location put(const Spool& spool, const Digests& digests) override {
    return store_.put(spool, digests);
  }
  std::optional<Location> find(const ImageId& id, std::optional<std::uint64_t> size) override {
    return store_.find(id, size);
  }
  bool holds(const ImageId& id) override { return store_.holds(id); }
  std::unique_ptr<BlobReader> open(const Location& location) override {
    return store_.open(location);
  }
  void remove(const std::string& url) override { store_.remove(url); }
  void sync_removals() override {
    ++syncs_;
    if (fails_) throw Error(Errc::io, "fsync of the store");
    store_.sync_removals();
  }
  void for_each(const std::function<void(const std::string&)>& blob) override {
    store_.for_each(blob);
  }
  [[nodiscard]] std::optional<std::string> canonical_url(const std::string& url) const override {
    return store_.canonical_url(url);
  }
  std::optional<Space> space() override { return store_.space(); }

 private:
  FileStore store_;
  int& syncs_;
  bool& fails_;
};

class Garbage : public test::CatalogFixture {
 protected:
  [[nodiscard]] std::vector<std::string> noted() {
    return database_.read([](Session& sql) { return rows::select_garbage(sql); });
  }
  void delete_row(const Image& image) {
    database_.write([&](Session& sql) { rows::delete_image(sql, image, now()); });
  }
  RecoveryReport recover() {
    return recover_uploads(database_, spools_, stores_, watch_, "sha512");
  }

  Database database_{database_url(), false};
  const HeldDirectory home_{datadir()};
  const SpoolArea spools_{home_};
  InstanceWatch watch_{Machine::this_one()};
  int syncs_ = 0;
  bool fails_ = false;
  const Stores stores_{one_store()};

 private:
  std::vector<std::unique_ptr<Store>> one_store() {
    std::vector<std::unique_ptr<Store>> stores;
    stores.push_back(std::make_unique<FaultyStore>(home_, syncs_, fails_));
    return stores;
  }
};

TEST_F(Garbage, IsNotForgottenBeforeItIsDurablyGone) {
  const auto image = store("x", "data");
  delete_row(image);
  fails_ = true;
  remove_data(database_, stores_, image.id, image.locations);
  EXPECT_EQ(syncs_, 1);
  EXPECT_THAT(noted(), ElementsAre(image.locations.front().url));
  EXPECT_EQ(recover().removed, 0U);
  EXPECT_THAT(noted(), SizeIs(1));

  // As a power cut may have it.
  fails_ = false;
  std::ofstream(datadir() / image.id.text()) << "back again";
  EXPECT_EQ(recover().removed, 1U);
  EXPECT_THAT(noted(), IsEmpty());
  EXPECT_THAT(stored_files(), IsEmpty());
}

TEST_F(Garbage, OfManyImagesIsMadeDurableAtOnce) {
  for (int i = 0; i < 5; ++i) delete_row(store("x", "data"));
  EXPECT_EQ(recover().removed, 5U);
  EXPECT_EQ(syncs_, 1);
  EXPECT_THAT(noted(), IsEmpty());
  EXPECT_THAT(stored_files(), IsEmpty());
  EXPECT_EQ(recover().removed, 0U);
  EXPECT_EQ(syncs_, 1);
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
