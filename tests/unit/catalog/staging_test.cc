// SPDX-License-Identifier: Apache-2.0
#include "catalog/upload/staging.h"

#include <filesystem>
#include <fstream>
#include <iterator>

#include <gmock/gmock.h>
#include <unistd.h>

#include "tests/unit/support/catalog_fixture.h"

namespace glance {
namespace {

using test::error_of;

namespace fs = std::filesystem;

class Stage : public test::CatalogFixture {
 protected:
  [[nodiscard]] fs::path staged(const ImageId& id) const {
    return fs::path(spec()) / "staging" / id.text();
  }
  [[nodiscard]] std::size_t spools() const {
    const auto folder = fs::path(spec()) / "staging" / ".uploads";
    return fs::exists(folder)
               ? static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), {}))
               : 0;
  }
  [[nodiscard]] Image found(const ImageId& id) const { return catalog_->find(caller_, id).value(); }

  void expect_queued(const ImageId& id) const {
    EXPECT_EQ(found(id).status, ImageStatus::queued);
    EXPECT_EQ(found(id).size, std::nullopt);
    EXPECT_EQ(spools(), 0U);
    EXPECT_FALSE(fs::exists(staged(id)));
  }
};

TEST_F(Stage, KeepsTheDataForAnImport) {
  const auto id = catalog_->add(caller_, {.name = "x"}).id;
  auto upload = catalog_->stage(caller_, id);
  EXPECT_EQ(found(id).status, ImageStatus::uploading);
  upload->write(bytes("hel"));
  upload->write(bytes("lo"));
  const auto image = upload->finish();
  EXPECT_EQ(image.status, ImageStatus::uploading);
  EXPECT_EQ(image.size, 5U);
  EXPECT_EQ(image.checksum, std::nullopt);
  upload.reset();
  std::string text;
  std::ifstream(staged(id)) >> text;
  EXPECT_EQ(text, "hello");
  EXPECT_EQ(found(id).size, 5U);
}

TEST_F(Stage, IsForQueuedImages) {
  const auto id = add("x").id;
  const auto upload = catalog_->stage(caller_, id);
  EXPECT_EQ(error_of([&] { return catalog_->stage(caller_, id); }), Errc::conflict);
  (void)upload->finish();
  EXPECT_EQ(error_of([&] { return catalog_->stage(caller_, id); }), Errc::conflict);
  EXPECT_EQ(error_of([&] { return catalog_->upload(caller_, id, {}); }), Errc::conflict);
  EXPECT_EQ(error_of([&] { return catalog_->stage(caller_, store("y", "data").id); }),
            Errc::conflict);
  EXPECT_EQ(error_of([&] { return catalog_->stage(caller_, ImageId::random()); }), Errc::not_found);
}

TEST_F(Stage, IsTakenBackWhenItIsNotFinished) {
  const auto id = add("x").id;
  auto upload = catalog_->stage(caller_, id);
  upload->write(bytes("hello"));
  upload.reset();
  expect_queued(id);
  EXPECT_EQ(catalog_->stage(caller_, id)->finish().size, 0U);
}

TEST_F(Stage, HasTheLimitOfAnUpload) {
  auto config = catalog_->config();
  config.limits.image_size_cap = 4;
  catalog_ = Catalog::open(config);
  const auto id = add("x").id;
  auto upload = catalog_->stage(caller_, id);
  upload->write(bytes("hell"));
  EXPECT_EQ(error_of([&] {
              upload->write(bytes("o"));
              return 0;
            }),
            Errc::too_large);
  upload.reset();
  expect_queued(id);
}

TEST_F(Stage, EndsWithItsImage) {
  const auto during = add("x").id;
  const auto upload = catalog_->stage(caller_, during);
  catalog_->remove(caller_, during);
  EXPECT_EQ(error_of([&] { return upload->finish(); }), Errc::gone);

  const auto after = add("y").id;
  (void)catalog_->stage(caller_, after)->finish();
  ASSERT_TRUE(fs::exists(staged(after)));
  catalog_->remove(caller_, after);
  EXPECT_FALSE(fs::exists(staged(after)));
}

TEST_F(Stage, OfADeadProcessIsTakenBack) {
  const auto id = add("x").id;
  in_a_process_that_dies([&](Catalog& catalog) {
    const auto upload = catalog.stage(caller_, id);
    upload->write(bytes("hello"));
    ::_exit(0);
  });
  EXPECT_EQ(found(id).status, ImageStatus::uploading);
  catalog_->recover();
  expect_queued(id);
}

TEST_F(Stage, ARefusedRetryLeavesADeadProcesssBytesToRecovery) {
  const auto id = add("x").id;
  in_a_process_that_dies([&](Catalog& catalog) {
    const auto upload = catalog.stage(caller_, id);
    upload->write(bytes("hello"));
    ::_exit(0);
  });
  EXPECT_EQ(error_of([&] { return catalog_->stage(caller_, id); }), Errc::conflict);
  catalog_->recover();
  expect_queued(id);
  EXPECT_EQ(catalog_->stage(caller_, id)->finish().size, 0U);
}

TEST_F(Stage, OfALivingProcessIsLeftAlone) {
  const auto id = add("x").id;
  const auto upload = catalog_->stage(caller_, id);
  upload->write(bytes("hello"));
  open()->recover();
  EXPECT_EQ(upload->finish().size, 5U);
}

TEST_F(Stage, WhoseProcessDiedAfterTheRecordIsFinished) {
  const auto id = add("x").id;
  (void)catalog_->stage(caller_, id)->finish();
  // As if it had died before the rename.
  fs::rename(staged(id), staged(id).parent_path() / ".uploads" / id.text());
  catalog_->recover();
  EXPECT_TRUE(fs::exists(staged(id)));
  EXPECT_EQ(found(id).status, ImageStatus::uploading);
}

TEST_F(Stage, RecoveryOfOneImageDoesNotWaitForAnother) {
  std::vector<ImageId> ids;
  for (int i = 0; i < 6; ++i) {
    ids.push_back(add("x").id);
    (void)catalog_->stage(caller_, ids.back())->finish();
    fs::rename(staged(ids.back()),
               staged(ids.back()).parent_path() / ".uploads" / ids.back().text());
  }
  const auto deleted = add("y").id;
  catalog_->remove(caller_, deleted);
  std::ofstream(staged(deleted)) << "left behind";
  std::ofstream(staged(ids.front())) << "in the way";
  catalog_->recover();
  for (const auto& id : ids) EXPECT_TRUE(fs::exists(staged(id)));
  EXPECT_EQ(spools(), 1U);
  EXPECT_FALSE(fs::exists(staged(deleted)));
}

TEST_F(Stage, RecoveryRemovesDataOfDeletedImagesAndLeavesOthers) {
  const auto deleted = add("x").id;
  const auto waiting = add("y").id;
  (void)catalog_->stage(caller_, waiting)->finish();
  catalog_->remove(caller_, deleted);
  std::ofstream(staged(deleted)) << "left behind";
  const auto foreign = staged(ImageId::random());
  std::ofstream(foreign) << "not ours";
  catalog_->recover();
  EXPECT_FALSE(fs::exists(staged(deleted)));
  EXPECT_TRUE(fs::exists(staged(waiting)));
  EXPECT_TRUE(fs::exists(foreign));
}

TEST_F(Stage, DoesNotMixWithWhatAnotherServerHasStaged) {
  const auto id = add("x").id;
  fs::create_directories(staged(id).parent_path());
  std::ofstream(staged(id)) << "another's";
  EXPECT_EQ(error_of([&] { return catalog_->stage(caller_, id); }), Errc::conflict);
  EXPECT_EQ(found(id).status, ImageStatus::queued);
  EXPECT_TRUE(fs::exists(staged(id)));
}

}  // namespace
}  // namespace glance
