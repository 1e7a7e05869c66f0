// SPDX-License-Identifier: Apache-2.0
#include "catalog/store/file_store.h"

#include <atomic>
#include <fstream>
#include <thread>

#include <gmock/gmock.h>
#include <sys/stat.h>

#include "catalog/base/error.h"
#include "tests/unit/support/catalog_fixture.h"

namespace glance {
namespace {

using test::error_of;

class StoringFiles : public ::testing::Test {
 protected:
  const test::TemporaryDirectory directory_;
  FileStore store_{directory_.path(), "file", false};
  const ImageId id_ = ImageId::random();
};

TEST_F(StoringFiles, PublishedBytesCanBeOpenedByTheirLocation) {
  const auto writer = store_.create(id_);
  writer->write(0, std::as_bytes(std::span("data", 4)));
  writer->sync();
  const Location location = writer->publish();
  EXPECT_EQ(location.url, "file://" + (directory_.path() / id_.text()).string());
  EXPECT_EQ(store_.open(location)->size(), 4U);
}

TEST_F(StoringFiles, ASecondWriterOfOneImageIsAConflict) {
  const auto first = store_.create(id_);
  EXPECT_EQ(error_of([&] { store_.create(id_); }), Errc::conflict);
}

TEST_F(StoringFiles, LockingLeavesADeadWritersBytes) {
  store_.create(id_)->write(0, std::as_bytes(std::span("old", 3)));
  EXPECT_EQ(store_.create(id_)->size(), 3U);
}

TEST_F(StoringFiles, PublicationNeverReplacesAFile) {
  const auto writer = store_.create(id_);
  std::ofstream(directory_.path() / id_.text()) << "precious";
  EXPECT_EQ(error_of([&] { writer->publish(); }), Errc::exists);
  EXPECT_EQ(std::filesystem::file_size(directory_.path() / id_.text()), 8U);
}

TEST_F(StoringFiles, AWriterIsRefusedWhereThereAreDataAlready) {
  std::ofstream(directory_.path() / id_.text()) << "precious";
  EXPECT_EQ(error_of([&] { store_.create(id_); }), Errc::conflict);
  EXPECT_TRUE(store_.unfinished().empty());
  EXPECT_TRUE(store_.claim(id_).writer->published());
}

TEST_F(StoringFiles, ClaimTellsLivingDeadAndAbsentWritersApart) {
  EXPECT_FALSE(store_.claim(id_).alive);
  EXPECT_EQ(store_.claim(id_).writer, nullptr);
  auto writer = store_.create(id_);
  EXPECT_TRUE(store_.claim(id_).alive);
  writer->publish();
  EXPECT_TRUE(store_.claim(id_).alive) << "the lock goes with the file";
  writer.reset();
  const auto claim = store_.claim(id_);
  EXPECT_FALSE(claim.alive);
  ASSERT_NE(claim.writer, nullptr);
  EXPECT_TRUE(claim.writer->published());
}

TEST_F(StoringFiles, AWriterThatBeginsIsNeverTakenForADeadOne) {
  std::atomic<int> taken = 0;
  const std::jthread recovery([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      if (const auto claim = store_.claim(id_); claim.writer) ++taken;
    }
  });
  constexpr int kRounds = 3000;
  for (int round = 0; round < kRounds; ++round) ASSERT_NO_THROW(store_.create(id_)->discard());
  EXPECT_EQ(taken, 0);
}

TEST_F(StoringFiles, LocationsOutsideOfTheDirectoryAreRefused) {
  const std::string here = "file://" + directory_.path().string();
  const std::vector<std::string> urls = {"file:///etc/passwd", here + "/../passwd",
                                         here + "/.uploads/x", "http://host/x", ""};
  for (const auto& url : urls) {
    EXPECT_EQ(error_of([&] { store_.open({.url = url}); }), Errc::unsupported) << url;
    EXPECT_EQ(error_of([&] { store_.remove(url); }), Errc::unsupported) << url;
  }
}

TEST_F(StoringFiles, ASymbolicLinkIsNotFollowed) {
  std::filesystem::create_symlink("/etc/passwd", directory_.path() / id_.text());
  EXPECT_THROW(store_.open({.url = "file://" + (directory_.path() / id_.text()).string()}), Error);
}

TEST_F(StoringFiles, RemovingWhatIsNotThereIsSuccess) {
  EXPECT_NO_THROW(store_.remove("file://" + (directory_.path() / id_.text()).string()));
}

TEST_F(StoringFiles, AMissingDirectoryIsNamed) {
  try {
    const FileStore store("/nonexistent/images", "file", false);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::not_found);
    EXPECT_NE(std::string(error.what()).find("/nonexistent/images"), std::string::npos);
  }
}

TEST_F(StoringFiles, ATrailingSlashInTheConfigurationDoesNotMatter) {
  FileStore store(directory_.path().string() + "/", "file", false);
  const auto writer = store.create(id_);
  EXPECT_EQ(store.open(writer->publish())->size(), 0U);
}

TEST_F(StoringFiles, ListsWhatLiesInItsFinalPlaceAndNothingElse) {
  const auto published = store_.create(id_);
  published->publish();
  const auto spooled = store_.create(ImageId::random());
  std::ofstream(directory_.path() / "stray") << "?";
  std::ofstream(directory_.path() / ".nfs0001") << "?";
  std::filesystem::create_directory(directory_.path() / "lost+found");
  std::filesystem::create_symlink("nowhere", directory_.path() / "link");
  EXPECT_EQ(::mkfifo((directory_.path() / "fifo").c_str(), 0600), 0);
  const std::string url = "file://" + directory_.path().string() + "/";
  EXPECT_THAT(store_.blobs(),
              ::testing::UnorderedElementsAre(url + id_.text(), url + "stray", url + "link"));
}

TEST_F(StoringFiles, KnowsAPlaceByWhateverUrlLeadsThere) {
  const std::string directory = directory_.path().string();
  const auto canonical = "file://" + directory + "/" + id_.text();
  EXPECT_EQ(store_.canonical_url(canonical), canonical);
  EXPECT_EQ(store_.canonical_url("file://" + directory + "/../" +
                                 directory_.path().filename().string() + "//" + id_.text()),
            canonical);
  EXPECT_EQ(store_.canonical_url("file://" + directory + "/sub/" + id_.text()), std::nullopt);
  EXPECT_EQ(store_.canonical_url(canonical + "/"), std::nullopt);
  EXPECT_EQ(store_.canonical_url(canonical + "/."), std::nullopt);
  EXPECT_EQ(store_.canonical_url("file://" + directory + "/"), std::nullopt);
  EXPECT_EQ(store_.canonical_url(canonical + std::string("\0.", 2)), std::nullopt);
  EXPECT_EQ(store_.canonical_url("file:///etc/passwd"), std::nullopt);
  EXPECT_EQ(store_.canonical_url("rbd://pool/" + id_.text()), std::nullopt);
}

TEST_F(StoringFiles, TellsWhetherTwoUrlsNameOnePlace) {
  const std::string here = "file://" + directory_.path().string();
  for (const std::string spelling : {"/x", "//x", "/./x", "/y/../x", "/.uploads/..//x"}) {
    EXPECT_TRUE(store_.is_same_place(here + "/x", here + spelling)) << spelling;
  }
  for (const std::string other : {"/y", "/x/", "/X", "/%78", "/y/x", "/../x"}) {
    EXPECT_FALSE(store_.is_same_place(here + "/x", here + other)) << other;
  }
  EXPECT_TRUE(store_.is_same_place("rbd://pool/x", "rbd://pool/x"));
  EXPECT_FALSE(store_.is_same_place("rbd://pool/x", "rbd://pool//x"));
}

}  // namespace
}  // namespace glance
