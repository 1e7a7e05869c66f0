// SPDX-License-Identifier: Apache-2.0
#include "catalog/store/file_store.h"

#include <fstream>

#include <gmock/gmock.h>
#include <sys/stat.h>

#include "catalog/base/error.h"
#include "catalog/spool/spool_area.h"
#include "tests/unit/support/catalog_fixture.h"

namespace glance {
namespace {

using test::error_of;

class StoringFiles : public ::testing::Test {
 protected:
  /// Synced bytes, ready for the store.
  [[nodiscard]] std::unique_ptr<Spool> spool(const ImageId& id, std::string_view data) const {
    auto spool = area_.create(id);
    spool->write(0, std::as_bytes(std::span(data)));
    spool->sync();
    return spool;
  }
  [[nodiscard]] std::vector<std::string> blobs() {
    std::vector<std::string> urls;
    store_.for_each([&](const std::string& url) { urls.push_back(url); });
    return urls;
  }
  [[nodiscard]] bool is_same_place(const std::string& url, const std::string& other) const {
    const auto place = store_.canonical_url(url);
    return place && place == store_.canonical_url(other);
  }

  const test::TemporaryDirectory directory_;
  const HeldDirectory home_{directory_.path()};
  const SpoolArea area_{home_};
  FileStore store_{home_, "file"};
  const ImageId id_ = ImageId::random();
};

TEST_F(StoringFiles, BytesThatWerePutCanBeOpenedByTheirLocation) {
  const auto data = spool(id_, "data");
  const Location location = store_.put(*data, {});
  EXPECT_EQ(location.url, "file://" + (directory_.path() / id_.text()).string());
  EXPECT_EQ(location.metadata, R"({"store": "file"})");
  EXPECT_EQ(store_.open(location)->size(), 4U);
}

TEST_F(StoringFiles, PuttingMayBeRepeatedAndLeavesTheSpool) {
  auto data = spool(id_, "data");
  const Location location = store_.put(*data, {});
  EXPECT_EQ(store_.put(*data, {}), location);
  data.reset();
  // As recovery does for a writer that died right after.
  EXPECT_EQ(store_.put(*area_.claim(id_).spool, {}), location);
  area_.claim(id_).spool->discard();
  EXPECT_EQ(store_.open(location)->size(), 4U);
}

TEST_F(StoringFiles, NothingIsEverReplaced) {
  const auto data = spool(id_, "data");
  EXPECT_FALSE(store_.holds(id_));
  std::ofstream(directory_.path() / id_.text()) << "precious";
  EXPECT_TRUE(store_.holds(id_));
  EXPECT_EQ(error_of([&] { return store_.put(*data, {}); }), Errc::exists);
  EXPECT_EQ(std::filesystem::file_size(directory_.path() / id_.text()), 8U);
}

TEST_F(StoringFiles, FindsDataOfTheRightSizeOnly) {
  std::ofstream(directory_.path() / id_.text()) << "data";
  EXPECT_TRUE(store_.find(id_, 4));
  EXPECT_FALSE(store_.find(id_, 5));
  EXPECT_FALSE(store_.find(ImageId::random(), 4));
}

TEST_F(StoringFiles, AFileHasTheModeThatIsConfigured) {
  FileStore store(home_, "file", 0644);
  const auto location = store.put(*spool(id_, "data"), {});
  struct stat status{};
  ASSERT_EQ(::stat((directory_.path() / id_.text()).c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0644U);
}

TEST_F(StoringFiles, AFifoIsNeverWaitedFor) {
  ASSERT_EQ(::mkfifo((directory_.path() / id_.text()).c_str(), 0600), 0);
  const std::string url = "file://" + (directory_.path() / id_.text()).string();
  EXPECT_EQ(error_of([&] { return store_.open({.url = url}); }), Errc::not_found);
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

TEST_F(StoringFiles, AMissingDirectoryIsNamedAndMayCome) {
  const auto path = directory_.path() / "later";
  const HeldDirectory home(path);
  FileStore store(home, "file");
  try {
    static_cast<void>(store.holds(id_));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::unavailable);
    EXPECT_NE(std::string(error.what()).find(path), std::string::npos);
  }
  std::filesystem::create_directory(path);
  EXPECT_FALSE(store.holds(id_));
}

TEST_F(StoringFiles, ATrailingSlashInTheConfigurationDoesNotMatter) {
  const HeldDirectory home(directory_.path().string() + "/");
  FileStore store(home, "file");
  EXPECT_EQ(store.open(store.put(*spool(id_, "data"), {}))->size(), 4U);
}

TEST_F(StoringFiles, KnowsAPlaceByAnyPathThatLeadsThere) {
  const auto location = store_.put(*spool(id_, "data"), {});
  const test::TemporaryDirectory elsewhere;
  const auto link = elsewhere.path() / "link";
  std::filesystem::create_directory_symlink(directory_.path(), link);
  EXPECT_EQ(store_.canonical_url("file://" + (link / id_.text()).string()), location.url);
  EXPECT_EQ(store_.open({.url = "file://" + (link / id_.text()).string()})->size(), 4U);
}

TEST_F(StoringFiles, FindsAnImagesDataWhereTheirOldDirectoryIsGone) {
  const auto location = store_.put(*spool(id_, "data"), {});
  const std::string old = "file:///gone/before/the/catalog/moved/";
  EXPECT_EQ(store_.open({.url = old + id_.text()})->size(), 4U);
  EXPECT_EQ(store_.canonical_url(old + id_.text()), location.url);
  EXPECT_EQ(store_.canonical_url(old + ImageId::random().text()), std::nullopt);
  std::ofstream(directory_.path() / "stray") << "?";
  EXPECT_EQ(store_.canonical_url(old + "stray"), std::nullopt);
  const test::TemporaryDirectory another;
  EXPECT_EQ(store_.canonical_url("file://" + (another.path() / id_.text()).string()), std::nullopt);
}

TEST_F(StoringFiles, ListsWhatLiesInItsFinalPlaceAndNothingElse) {
  (void)store_.put(*spool(id_, "data"), {});
  const auto spooled = area_.create(ImageId::random());
  std::ofstream(directory_.path() / "stray") << "?";
  std::ofstream(directory_.path() / ".nfs0001") << "?";
  std::filesystem::create_directory(directory_.path() / "lost+found");
  std::filesystem::create_symlink("nowhere", directory_.path() / "link");
  EXPECT_EQ(::mkfifo((directory_.path() / "fifo").c_str(), 0600), 0);
  const std::string url = "file://" + directory_.path().string() + "/";
  EXPECT_THAT(blobs(),
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
    EXPECT_TRUE(is_same_place(here + "/x", here + spelling)) << spelling;
  }
  for (const std::string other : {"/y", "/x/", "/X", "/%78", "/y/x", "/../x"}) {
    EXPECT_FALSE(is_same_place(here + "/x", here + other)) << other;
  }
  EXPECT_FALSE(is_same_place("rbd://pool/x", "rbd://pool//x"));
}

}  // namespace
}  // namespace glance
