// SPDX-License-Identifier: Apache-2.0
#include "catalog/upload/recovery.h"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <unistd.h>

#include "catalog/database/database.h"
#include "catalog/rows/image_rows.h"
#include "catalog/rows/upload_rows.h"
#include "catalog/store/file_store.h"
#include "catalog/upload/publication.h"
#include "tests/unit/support/catalog_fixture.h"

namespace glance {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class Recovery : public test::CatalogFixture {
 protected:
  /// What a process leaves that seals "hello" and dies.
  void leave_sealed(const ImageId& id) {
    in_a_process_that_dies([&](Catalog& catalog) {
      const auto upload = catalog.upload(caller_, id, {});
      upload->write(0, bytes("hello"));
      upload->seal();
      ::_exit(0);
    });
  }

  /// The same, had it died between the rename and the record.
  void leave_renamed(const ImageId& id) {
    leave_sealed(id);
    std::filesystem::rename(datadir() / ".uploads" / id.text(), datadir() / id.text());
  }

  [[nodiscard]] ImageStatus status(const ImageId& id) const {
    return catalog_->find(caller_, id)->status;
  }
};

TEST_F(Recovery, TakesBackAnUnsealedUpload) {
  const auto image = add("x");
  in_a_process_that_dies([&](Catalog& catalog) {
    const auto upload = catalog.upload(caller_, image.id, {});
    upload->write(0, bytes("half"));
    ::_exit(0);
  });
  EXPECT_EQ(status(image.id), ImageStatus::saving);

  EXPECT_EQ(catalog_->recover().discarded, 1U);
  EXPECT_EQ(status(image.id), ImageStatus::queued);
  EXPECT_THAT(stored_files(), IsEmpty());
}

TEST_F(Recovery, RemovesAnImageThatWasMadeForItsUpload) {
  const auto image = add("x");
  in_a_process_that_dies([&](Catalog& catalog) {
    const auto upload = catalog.upload(caller_, image.id, {.owns_image = true});
    upload->write(0, bytes("half"));
    ::_exit(0);
  });
  EXPECT_EQ(catalog_->recover().discarded, 1U);
  EXPECT_EQ(catalog_->find(caller_, image.id), std::nullopt);
  EXPECT_THAT(stored_files(), IsEmpty());
}

TEST_F(Recovery, PublishesDataThatWereRenamedThoughAnotherUploadWasRefused) {
  const auto image = add("x");
  leave_renamed(image.id);
  EXPECT_EQ(test::error_of([&] { catalog_->upload(caller_, image.id, {}); }), Errc::conflict);
  EXPECT_EQ(catalog_->recover().published, 1U);
  EXPECT_EQ(data_of(image.id), "hello");
}

TEST_F(Recovery, DigestsAndPublishesAClosedUpload) {
  const auto image = catalog_->add(caller_, {.name = "x"});
  in_a_process_that_dies([&](Catalog& catalog) {
    const auto upload =
        catalog.upload(caller_, image.id,
                       {.origin = UploadOrigin::mount, .owns_image = true, .detect_format = true});
    upload->write(0, bytes("hello"));
    upload->acknowledge();
    ::_exit(0);
  });
  EXPECT_EQ(catalog_->recover().published, 1U);
  const auto found = catalog_->find(caller_, image.id);
  EXPECT_EQ(found->status, ImageStatus::active);
  EXPECT_EQ(found->checksum, "5d41402abc4b2a76b9719d911017c592");
  EXPECT_EQ(found->disk_format, "raw");
}

TEST_F(Recovery, AClosedUploadThatIsNotWhatWasAnnouncedIsTakenBack) {
  const auto image = add("x");
  catalog_->expect(caller_, image.id, {.size = 7});
  in_a_process_that_dies([&](Catalog& catalog) {
    const auto upload = catalog.upload(caller_, image.id, {});
    upload->write(0, bytes("hello"));
    upload->acknowledge();
    ::_exit(0);
  });
  EXPECT_EQ(catalog_->recover().discarded, 1U);
  EXPECT_EQ(status(image.id), ImageStatus::queued);
  EXPECT_THAT(stored_files(), IsEmpty());
}

TEST_F(Recovery, AReplacementIsFinished) {
  const Image old = store("disk", "old");
  const auto fresh = add(".disk.abcdef");
  in_a_process_that_dies([&](Catalog& catalog) {
    const auto upload =
        catalog.upload(caller_, fresh.id, {.replaces = {{.image = old.id, .name = "disk"}}});
    upload->write(0, bytes("new"));
    upload->seal();
    ::_exit(0);
  });
  EXPECT_EQ(catalog_->recover().published, 1U);
  EXPECT_EQ(data_of(catalog_->resolve(caller_, "disk").id), "new");
  EXPECT_EQ(catalog_->find(caller_, old.id), std::nullopt);
}

TEST_F(Recovery, PublishesASealedUpload) {
  const auto image = add("x");
  leave_sealed(image.id);
  EXPECT_EQ(catalog_->recover().published, 1U);
  const auto done = catalog_->find(caller_, image.id);
  EXPECT_EQ(done->status, ImageStatus::active);
  EXPECT_EQ(done->checksum, "5d41402abc4b2a76b9719d911017c592");
  EXPECT_EQ(data_of(image.id), "hello");
  EXPECT_EQ(catalog_->recover().published, 0U);
}

TEST_F(Recovery, GoesOnAfterADeathBetweenRenameAndCommit) {
  const auto image = add("x");
  leave_renamed(image.id);

  EXPECT_EQ(catalog_->recover().published, 1U);
  EXPECT_EQ(data_of(image.id), "hello");
}

TEST_F(Recovery, TakesBackAnUploadThatWasUnsealedAgain) {
  const auto image = add("x");
  in_a_process_that_dies([&](Catalog& catalog) {
    const auto upload = catalog.upload(caller_, image.id, {});
    upload->write(0, bytes("hel"));
    upload->seal();
    upload->write(3, bytes("l"));
    ::_exit(0);
  });
  EXPECT_EQ(catalog_->recover().discarded, 1U);
  EXPECT_EQ(status(image.id), ImageStatus::queued);
}

TEST_F(Recovery, ARefusedUploadLeavesADeadWritersSealedDataAlone) {
  const auto image = catalog_->add(caller_, {.name = "x"});
  in_a_process_that_dies([&](Catalog& catalog) {
    const auto upload = catalog.upload(caller_, image.id, {.detect_format = true});
    upload->write(0, bytes("hello"));
    upload->seal();
    ::_exit(0);
  });
  EXPECT_EQ(test::error_of([&] { return catalog_->upload(caller_, image.id, {}); }),
            Errc::conflict);
  EXPECT_EQ(
      test::error_of([&] { return catalog_->upload(caller_, image.id, {.detect_format = true}); }),
      Errc::conflict);
  EXPECT_EQ(catalog_->recover().published, 1U);
  EXPECT_EQ(data_of(image.id), "hello");
}

TEST_F(Recovery, ForeignLocationsDoNotKeepOtherGarbage) {
  const Image image = store("x", "data");
  Database database(database_url(), false);
  database.write([&](Session& sql) {
    rows::delete_image(sql, image, now());
    sql << "INSERT INTO glancefs_garbage (url, created_at) VALUES ('aaa://elsewhere', '2026')";
  });
  EXPECT_EQ(catalog_->recover().removed, 1U);
  EXPECT_EQ(catalog_->recover().removed, 0U);
  EXPECT_THAT(stored_files(), IsEmpty());
}

TEST_F(Recovery, LeavesALivingUploadAlone) {
  const auto image = add("x");
  const auto upload = catalog_->upload(caller_, image.id, {});
  upload->write(0, bytes("hel"));
  upload->seal();

  const auto other = open();
  const auto report = other->recover();
  EXPECT_EQ(report.published + report.discarded, 0U);
  upload->write(3, bytes("lo"));
  EXPECT_EQ(upload->publish().checksum, "5d41402abc4b2a76b9719d911017c592");
}

TEST_F(Recovery, DoesNotPublishSealedDataOfAnotherSize) {
  const auto image = add("x");
  leave_sealed(image.id);
  std::filesystem::resize_file(datadir() / ".uploads" / image.id.text(), 3);

  EXPECT_EQ(catalog_->recover().published, 0U);
  EXPECT_EQ(status(image.id), ImageStatus::saving);
}

TEST_F(Recovery, RemovesTheBytesOfAnImageThatWasDeletedMeanwhile) {
  const auto image = add("x");
  leave_sealed(image.id);
  catalog_->remove(caller_, image.id);
  catalog_->recover();
  EXPECT_THAT(stored_files(), IsEmpty());
  EXPECT_EQ(catalog_->find(caller_, image.id), std::nullopt);
}

TEST_F(Recovery, RemovesWhatIsLeftOfADeletedImageWhateverItsSize) {
  Database database(database_url(), false);
  const auto uploads = [&] {
    return database.read([](Session& sql) {
      int count = 0;
      sql << "SELECT COUNT(*) FROM glancefs_uploads", soci::into(count);
      return count;
    });
  };
  for (const bool renamed : {false, true}) {
    const auto id = add("x").id;
    renamed ? leave_renamed(id) : leave_sealed(id);
    std::filesystem::resize_file(
        renamed ? datadir() / id.text() : datadir() / ".uploads" / id.text(), 3);
    catalog_->remove(caller_, id);
    EXPECT_EQ(catalog_->recover().discarded, 1U);
    EXPECT_EQ(uploads(), 0);
    EXPECT_THAT(stored_files(), IsEmpty());
  }
}

TEST_F(Recovery, ForgetsALostUploadOnceItsImageIsDeleted) {
  const auto image = add("x");
  leave_sealed(image.id);
  std::filesystem::remove(datadir() / ".uploads" / image.id.text());
  Database database(database_url(), false);
  const auto uploads = [&] {
    return database.read([](Session& sql) { return rows::select_uploads(sql); });
  };
  catalog_->recover();
  EXPECT_THAT(uploads(), ElementsAre(image.id));  // for the operator to see

  catalog_->remove(caller_, image.id);
  catalog_->recover();
  EXPECT_THAT(uploads(), IsEmpty());
}

TEST_F(Recovery, RemovesBytesThatNoRowTellsOf) {
  store("x", "data");
  const auto orphan = add("y").id;
  std::ofstream(datadir() / ".uploads" / orphan.text()) << "left over";
  EXPECT_EQ(catalog_->recover().discarded, 1U);
  EXPECT_EQ(stored_files().size(), 1U);
}

TEST_F(Recovery, LeavesBytesOfAnotherCatalogsImagesAlone) {
  store("x", "data");
  const auto stranger = ImageId::random();
  std::ofstream(datadir() / ".uploads" / stranger.text()) << "acknowledged by somebody else";
  EXPECT_EQ(catalog_->recover().discarded, 0U);
  EXPECT_EQ(stored_files().size(), 2U);
  std::vector<std::string> findings;
  catalog_->check([&](const Finding& each) { findings.push_back(each.subject); });
  EXPECT_THAT(findings, ElementsAre(stranger.text()));
}

TEST_F(Recovery, RemovesDataWhoseDeletionWasInterrupted) {
  const Image image = store("x", "data");
  Database database(database_url(), false);
  database.write([&](Session& sql) { rows::delete_image(sql, image, now()); });

  EXPECT_EQ(catalog_->recover().removed, 1U);
  EXPECT_THAT(stored_files(), IsEmpty());
}

TEST_F(Recovery, LeavesAGlancesSavingImageAlone) {
  const auto image = add("x");
  Database database(database_url(), false);
  database.write([&](Session& sql) {
    ASSERT_TRUE(rows::move_status(sql, image.id, ImageStatus::queued, ImageStatus::saving, now()));
  });
  catalog_->recover();
  EXPECT_EQ(status(image.id), ImageStatus::saving);
}

}  // namespace
}  // namespace glance
