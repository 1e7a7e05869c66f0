// SPDX-License-Identifier: Apache-2.0
#include "catalog/upload/upload.h"

#include <array>
#include <functional>

#include <gmock/gmock.h>

#include "tests/unit/support/catalog_fixture.h"

namespace glance {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class Uploading : public test::CatalogFixture {
 protected:
  [[nodiscard]] ImageStatus status(const ImageId& id) const {
    return catalog_->find(caller_, id)->status;
  }
};

TEST_F(Uploading, PublishedImageHasSizeDigestsAndLocation) {
  const Image image = store("hello", "hello");

  EXPECT_EQ(image.status, ImageStatus::active);
  EXPECT_EQ(image.size, 5);
  EXPECT_EQ(image.virtual_size, 5);
  EXPECT_EQ(image.checksum, "5d41402abc4b2a76b9719d911017c592");
  EXPECT_EQ(image.os_hash_algo, "sha512");
  EXPECT_EQ(image.os_hash_value,
            "9b71d224bd62f3785d96d46ad3ea3d73319bfbc2890caadae2dff72519673ca7"
            "2323c3d99ba5c11d7c7acc6e14b8c5da0c4663475c2e5c3adef46f73bcdec043");
  ASSERT_EQ(image.locations.size(), 1U);
  EXPECT_EQ(image.locations[0].url, "file://" + (datadir() / image.id.text()).string());
  EXPECT_EQ(image.locations[0].metadata, R"({"store": "file"})");
  EXPECT_EQ(data_of(image.id), "hello");
}

TEST_F(Uploading, OutOfOrderWritesGapsAndRewritesGiveTheDigestOfWhatIsThere) {
  const auto image = add("gaps");
  const auto upload = catalog_->upload(caller_, image.id, {});
  upload->write(8, bytes("end"));
  upload->write(0, bytes("xxxx"));
  upload->write(0, bytes("head"));
  const Image done = upload->publish();

  EXPECT_EQ(data_of(image.id), std::string("head\0\0\0\0end", 11));
  EXPECT_EQ(done.size, 11);
  EXPECT_EQ(done.checksum, "0df91bc81aa08072e5fe608ccc7a2b9b");
}

TEST_F(Uploading, TheFirstWriteMovesTheImageToSaving) {
  const auto image = add("x");
  const auto upload = catalog_->upload(caller_, image.id, {});
  EXPECT_EQ(status(image.id), ImageStatus::saving);
}

TEST_F(Uploading, AnAbandonedUploadLeavesTheImageQueuedAndNoBytes) {
  const auto image = add("x");
  catalog_->upload(caller_, image.id, {})->write(0, bytes("half"));

  EXPECT_EQ(status(image.id), ImageStatus::queued);
  EXPECT_EQ(catalog_->find(caller_, image.id)->size, std::nullopt);
  EXPECT_THAT(stored_files(), IsEmpty());
  EXPECT_EQ(store("y", "whole").status, ImageStatus::active);
}

TEST_F(Uploading, AnAbandonedUploadThatOwnsItsImageTakesItAlong) {
  const auto image = add("x");
  catalog_->upload(caller_, image.id, {.owns_image = true})->write(0, bytes("half"));

  EXPECT_EQ(catalog_->find(caller_, image.id), std::nullopt);
  EXPECT_THAT(stored_files(), IsEmpty());
}

TEST_F(Uploading, ASecondUploadOfTheSameImageIsAConflict) {
  const auto image = add("x");
  const auto first = catalog_->upload(caller_, image.id, {});
  EXPECT_EQ(test::error_of([&] { catalog_->upload(caller_, image.id, {}); }), Errc::conflict);
  first->write(0, bytes("data"));
  EXPECT_EQ(first->publish().status, ImageStatus::active);
  EXPECT_EQ(test::error_of([&] { catalog_->upload(caller_, image.id, {}); }), Errc::conflict);
  EXPECT_EQ(data_of(image.id), "data");
}

TEST_F(Uploading, FormatsMustBeSetUnlessTheyAreToBeFoundOut) {
  const auto image = catalog_->add(caller_, {.name = "x"});
  EXPECT_EQ(test::error_of([&] { catalog_->upload(caller_, image.id, {}); }), Errc::invalid);
  EXPECT_EQ(status(image.id), ImageStatus::queued);

  const auto upload = catalog_->upload(caller_, image.id, {.detect_format = true});
  upload->write(0, bytes("no known header"));
  const Image done = upload->publish();
  EXPECT_EQ(done.disk_format, "raw");
  EXPECT_EQ(done.container_format, "bare");
}

TEST_F(Uploading, AFormatSetWhileTheDataComeIsKept) {
  const auto image = catalog_->add(caller_, {.name = "x", .container_format = "bare"});
  const auto upload = catalog_->upload(caller_, image.id, {.detect_format = true});
  upload->write(0, bytes("data"));
  const AttributeEdit edit{.name = "disk_format", .value = "iso"};
  catalog_->update(caller_, image.id, std::span(&edit, 1));
  EXPECT_EQ(upload->publish().disk_format, "iso");
}

TEST_F(Uploading, WritingAfterTheSealUnsealsAndTheDigestsFollow) {
  const auto image = add("x");
  const auto upload = catalog_->upload(caller_, image.id, {});
  upload->write(0, bytes("hel"));
  upload->seal();
  upload->write(3, bytes("lo"));
  upload->seal();
  EXPECT_EQ(upload->publish().checksum, "5d41402abc4b2a76b9719d911017c592");
}

TEST_F(Uploading, PublishingTwiceReturnsTheSameImage) {
  const auto image = add("x");
  const auto upload = catalog_->upload(caller_, image.id, {});
  upload->write(0, bytes("data"));
  EXPECT_EQ(upload->publish().updated_at, upload->publish().updated_at);
}

TEST_F(Uploading, DeletionDuringTheUploadWins) {
  const auto image = add("x");
  auto upload = catalog_->upload(caller_, image.id, {});
  upload->write(0, bytes("data"));
  catalog_->remove(caller_, image.id);

  EXPECT_EQ(test::error_of([&] { upload->publish(); }), Errc::gone);
  upload.reset();
  EXPECT_EQ(catalog_->find(caller_, image.id), std::nullopt);
  EXPECT_THAT(stored_files(), IsEmpty());
}

TEST_F(Uploading, AFailureAfterTheSealIsNotPublishedLater) {
  const auto image = add("x");
  auto upload = catalog_->upload(caller_, image.id, {});
  upload->write(0, bytes("data"));
  upload->seal();
  const auto cap = catalog_->config().limits.image_size_cap;
  EXPECT_EQ(test::error_of([&] { upload->write(cap, bytes("x")); }), Errc::too_large);
  upload.reset();
  EXPECT_EQ(catalog_->recover().published, 0U);
  EXPECT_EQ(status(image.id), ImageStatus::queued);
  EXPECT_THAT(stored_files(), IsEmpty());
}

TEST_F(Uploading, GrowingByTruncationKeepsTheDigestsRight) {
  for (int round = 0; round < 20; ++round) {
    const auto image = add("x");
    const auto upload = catalog_->upload(caller_, image.id, {});
    const std::string block(1000, 'y');
    std::uint64_t size = 0;
    for (int step = 0; step < 10; ++step) {
      size += 300'000;
      upload->truncate(size);
      upload->write(size, bytes(block));
      size += block.size();
    }
    EXPECT_EQ(upload->publish().size, size);
  }
}

TEST_F(Uploading, AFailureIsRepeatedByEveryLaterVerb) {
  const auto image = add("x");
  const auto upload = catalog_->upload(caller_, image.id, {});
  const auto cap = catalog_->config().limits.image_size_cap;
  EXPECT_EQ(test::error_of([&] { upload->write(cap, bytes("x")); }), Errc::too_large);
  EXPECT_EQ(test::error_of([&] { upload->write(0, bytes("x")); }), Errc::too_large);
  EXPECT_EQ(test::error_of([&] { upload->check(); }), Errc::too_large);
  EXPECT_EQ(test::error_of([&] { upload->seal(); }), Errc::too_large);
  EXPECT_EQ(test::error_of([&] { upload->publish(); }), Errc::too_large);
}

TEST_F(Uploading, NoCloseIsAcknowledgedWhoseDataTheStoreDoesNotHold) {
  for (const auto verb : {&Upload::seal, &Upload::acknowledge}) {
    for (const std::uintmax_t stored : {std::uintmax_t{4}, std::uintmax_t{6}}) {
      const auto image = add("x");
      auto upload = catalog_->upload(caller_, image.id, {});
      upload->write(0, bytes("hello"));
      std::filesystem::resize_file(datadir() / ".uploads" / image.id.text(), stored);
      EXPECT_EQ(test::error_of([&] { (*upload.*verb)(); }), Errc::corrupt);
      EXPECT_FALSE(upload->acknowledged());
      upload.reset();
      EXPECT_EQ(status(image.id), ImageStatus::queued);
      EXPECT_THAT(stored_files(), IsEmpty());
    }
  }
}

TEST_F(Uploading, AnOffsetThatWrapsAroundIsTooLarge) {
  const auto image = add("x");
  const auto upload = catalog_->upload(caller_, image.id, {});
  EXPECT_EQ(test::error_of([&] { upload->write(~0ULL - 1, bytes("xyz")); }), Errc::too_large);
}

TEST_F(Uploading, AProjectsImagesMustFitIntoItsQuota) {
  auto config = catalog_->config();
  config.user_storage_quota = 8;
  catalog_ = Catalog::open(config);
  store("five", "12345");
  EXPECT_EQ(catalog_->space(std::nullopt).total, 8U);
  EXPECT_EQ(catalog_->space(std::nullopt).available, 3U);
  EXPECT_EQ(catalog_->space("other").available, 8U);

  const auto id = add("x").id;
  auto upload = catalog_->upload(caller_, id, {});
  upload->write(0, bytes("123"));
  EXPECT_EQ(test::error_of([&] { upload->write(3, bytes("4")); }), Errc::over_quota);
  EXPECT_EQ(test::error_of([&] { upload->seal(); }), Errc::over_quota);
  upload.reset();
  EXPECT_EQ(status(id), ImageStatus::queued);
  EXPECT_EQ(store("three", "123").status, ImageStatus::active);
}

TEST_F(Uploading, OfTwoThatFitAloneOneIsOverTheQuota) {
  auto config = catalog_->config();
  config.user_storage_quota = 8;
  catalog_ = Catalog::open(config);
  const auto upload = catalog_->upload(caller_, add("x").id, {});
  upload->write(0, bytes("12345"));
  store("y", "12345");
  EXPECT_EQ(test::error_of([&] { upload->seal(); }), Errc::over_quota);
}

TEST_F(Uploading, TheStoresFileIsGlances) {
  const Image image = store("x", "data");
  const auto status = std::filesystem::status(datadir() / image.id.text());
  EXPECT_EQ(status.permissions(), std::filesystem::perms{0640});
  EXPECT_THAT(stored_files(), ElementsAre(image.id.text()));
}

TEST_F(Uploading, AnEmptyUploadIsAnActiveImageOfNoBytes) {
  const auto image = add("x");
  const Image done = catalog_->upload(caller_, image.id, {})->publish();
  EXPECT_EQ(done.size, 0);
  EXPECT_EQ(done.checksum, "d41d8cd98f00b204e9800998ecf8427e");
}

TEST_F(Uploading, ADeclaredFormatThatTheDataAreNotHasNoVirtualSize) {
  const auto image =
      catalog_->add(caller_, {.name = "x", .disk_format = "qcow2", .container_format = "bare"});
  const auto upload = catalog_->upload(caller_, image.id, {});
  upload->write(0, bytes("not a qcow2"));
  EXPECT_EQ(upload->publish().virtual_size, std::nullopt);
}

TEST_F(Uploading, AnnouncedDataArePublished) {
  const auto image = add("x");
  catalog_->expect(caller_, image.id, {.size = 5, .checksum = "5D41402ABC4B2A76B9719D911017C592"});
  const auto upload = catalog_->upload(
      caller_, image.id,
      {.expected = {
           .os_hash_algo = "sha256",
           .os_hash_value = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"}});
  upload->write(0, bytes("hello"));
  EXPECT_EQ(upload->publish().status, ImageStatus::active);
}

TEST_F(Uploading, DataThatWereNotAnnouncedAreTakenBack) {
  const std::vector<Expectation> wrong = {
      {.size = 4},
      {.checksum = "5d41402abc4b2a76b9719d911017c593"},
      {.os_hash_algo = "sha1", .os_hash_value = "aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434e"}};
  for (const auto& expected : wrong) {
    const auto image = add("x");
    catalog_->expect(caller_, image.id, expected);
    {
      const auto upload = catalog_->upload(caller_, image.id, {});
      upload->write(0, bytes("hello"));
      EXPECT_EQ(test::error_of([&] {
                  upload->seal();
                  return 0;
                }),
                Errc::mismatch);
      EXPECT_EQ(test::error_of([&] { return upload->publish(); }), Errc::mismatch);
    }
    EXPECT_EQ(status(image.id), ImageStatus::queued);
    EXPECT_THAT(stored_files(), IsEmpty());
  }
}

TEST_F(Uploading, OnlyDigestsCanBeAnnouncedAndOnlyBeforeTheDataAreThere) {
  const auto image = add("x");
  const auto refused = [&](const Expectation& expected) {
    return test::error_of([&] {
      catalog_->expect(caller_, image.id, expected);
      return 0;
    });
  };
  EXPECT_EQ(refused({.checksum = "nonsense"}), Errc::invalid);
  EXPECT_EQ(refused({.os_hash_algo = "rot13"}), Errc::invalid);
  EXPECT_EQ(refused({.os_hash_algo = "sha256", .os_hash_value = "abcd"}), Errc::invalid);
  const auto upload = catalog_->upload(caller_, image.id, {});
  upload->write(0, bytes("hello"));
  upload->publish();
  EXPECT_EQ(refused({.size = 5}), Errc::read_only_key);
}

TEST_F(Uploading, AnotherHashNameForgetsTheValueByTheFirst) {
  const auto image = add("x");
  catalog_->expect(
      caller_, image.id,
      {.os_hash_algo = "sha1", .os_hash_value = "0000000000000000000000000000000000000000"});
  catalog_->expect(caller_, image.id, {.os_hash_algo = "sha512"});
  const auto upload = catalog_->upload(caller_, image.id, {});
  upload->write(0, bytes("hello"));
  EXPECT_EQ(upload->publish().status, ImageStatus::active);
}

TEST_F(Uploading, AClosedUploadMayGoOnAndIsDigestedWhenPublished) {
  const auto image = add("x");
  const auto upload = catalog_->upload(caller_, image.id, {});
  upload->write(0, bytes("jello"));
  upload->acknowledge();
  EXPECT_TRUE(upload->acknowledged());
  upload->write(0, bytes("h"));
  EXPECT_FALSE(upload->acknowledged());
  upload->acknowledge();
  EXPECT_EQ(upload->publish().checksum, "5d41402abc4b2a76b9719d911017c592");
}

TEST_F(Uploading, ACopyOfAWholeImageTakesItsDigestsOver) {
  const Image source = store("source", std::string(300'000, 'x'));
  const auto reader = catalog_->open_data(caller_, source.id);
  const auto copy = add("copy");
  const auto upload = catalog_->upload(caller_, copy.id, {});
  EXPECT_EQ(upload->copy(source, *reader, 0, 0, 200'000), 200'000U);
  EXPECT_EQ(upload->copy(source, *reader, 200'000, 200'000, 1'000'000), 100'000U);
  EXPECT_EQ(upload->copy(source, *reader, 300'000, 300'000, 1), 0U);
  const Image done = upload->publish();
  EXPECT_EQ(done.checksum, source.checksum);
  EXPECT_EQ(done.os_hash_value, source.os_hash_value);
  EXPECT_EQ(data_of(copy.id), std::string(300'000, 'x'));
}

TEST_F(Uploading, ACopyThatIsChangedIsDigestedAnew) {
  const Image source = store("source", "jello");
  const auto reader = catalog_->open_data(caller_, source.id);
  const auto changes = std::to_array<std::function<void(Upload&)>>({
      [&](Upload& upload) {
        upload.copy(source, *reader, 0, 0, 5);
        upload.write(0, bytes("h"));
      },
      [&](Upload& upload) {
        upload.write(0, bytes("h"));
        upload.copy(source, *reader, 1, 1, 4);
      },
      [&](Upload& upload) {
        upload.copy(source, *reader, 0, 0, 5);
        upload.truncate(0);
        upload.write(0, bytes("hello"));
      },
  });
  for (const auto& change : changes) {
    const auto image = add("x");
    const auto upload = catalog_->upload(caller_, image.id, {});
    change(*upload);
    EXPECT_EQ(upload->publish().checksum, "5d41402abc4b2a76b9719d911017c592");
    EXPECT_EQ(data_of(image.id), "hello");
  }
}

TEST_F(Uploading, ReplacingHappensWithThePublication) {
  const Image old = store("disk", "old");
  const auto fresh = catalog_->add(caller_, {.name = ".disk.abcdef", .temporary = true});
  const Caller mount{.is_admin = true, .sees_temporaries = true};
  const auto upload = catalog_->upload(
      mount, fresh.id, {.detect_format = true, .replaces = {{.image = old.id, .name = "disk"}}});
  upload->write(0, bytes("new"));
  upload->seal();
  EXPECT_EQ(data_of(catalog_->resolve(caller_, "disk").id), "old");
  upload->publish();
  EXPECT_EQ(catalog_->resolve(caller_, "disk").id, fresh.id);
  EXPECT_EQ(catalog_->find(caller_, old.id), std::nullopt);
  EXPECT_THAT(stored_files(), ElementsAre(fresh.id.text()));
}

TEST_F(Uploading, AReplacedImageCanStayHidden) {
  const Image old = store("disk", "old");
  const auto fresh = add("x");
  const auto upload =
      catalog_->upload(caller_, fresh.id,
                       {.replaces = {{.image = old.id, .name = "disk", .how = Replaced::hidden}}});
  upload->publish();
  EXPECT_TRUE(catalog_->find(caller_, old.id)->os_hidden);
  EXPECT_EQ(data_of(old.id), "old");
}

TEST_F(Uploading, ProtectedImagesAreNotReplaced) {
  const Image old = store("disk", "old");
  const AttributeEdit protect{.name = "protected", .value = true};
  catalog_->update(caller_, old.id, std::span(&protect, 1));
  const auto upload =
      catalog_->upload(caller_, add("x").id, {.replaces = {{.image = old.id, .name = "disk"}}});
  upload->publish();
  EXPECT_EQ(catalog_->list(caller_, {.filters = {{ImageColumn::name, {"disk"}}}}).size(), 2U);
}

TEST_F(Uploading, TemporariesAreShownToWhoeverAsksForThemOnly) {
  const auto temporary = catalog_->add(caller_, {.name = ".x.abcdef", .temporary = true});
  const Caller mount{.is_admin = true, .sees_temporaries = true};
  EXPECT_EQ(catalog_->find(caller_, temporary.id), std::nullopt);
  EXPECT_THAT(catalog_->list(caller_, {}), IsEmpty());
  EXPECT_TRUE(catalog_->find(mount, temporary.id));
  EXPECT_EQ(catalog_->list(mount, {}).size(), 1U);
  const AttributeEdit rename{.name = "name", .value = "x"};
  catalog_->update(mount, temporary.id, std::span(&rename, 1));
  EXPECT_TRUE(catalog_->find(caller_, temporary.id));
}

}  // namespace
}  // namespace glance
