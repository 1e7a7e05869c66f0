// SPDX-License-Identifier: Apache-2.0
#include "catalog/os/trusted_path.h"

#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/support/catalog_fixture.h"

namespace glance {
namespace {

namespace fs = std::filesystem;

using test::error_of;
using ::testing::HasSubstr;

constexpr uid_t kStranger = 65534;

class TrustedPath : public ::testing::Test {
 protected:
  [[nodiscard]] fs::path here(const std::string& name) const { return directory_.path() / name; }
  [[nodiscard]] static Errc refusal(const fs::path& path, bool create = false) {
    return error_of([&] { return open_trusted(path, {}, create); });
  }

  const test::TemporaryDirectory directory_;
};

TEST_F(TrustedPath, LeadsThroughOurDirectoriesAndLinks) {
  fs::create_directories(here("a/b"));
  fs::create_directory_symlink("a", here("link"));
  fs::create_directory_symlink(here("a") / "..", here("up"));
  const auto identity = Directory(here("a/b")).identity();
  EXPECT_EQ(open_trusted(here("a/b"), {}, false).identity(), identity);
  EXPECT_EQ(open_trusted(here("link/b"), {}, false).identity(), identity);
  EXPECT_EQ(open_trusted(here("up/link/b"), {}, false).identity(), identity);
}

TEST_F(TrustedPath, MakesWhatIsMissingOnlyWhenAsked) {
  EXPECT_EQ(refusal(here("new/er")), Errc::unavailable);
  EXPECT_FALSE(fs::exists(here("new")));
  (void)open_trusted(here("new/er"), {}, true);
  struct stat status{};
  ASSERT_EQ(::stat(here("new/er").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0750U);
}

TEST_F(TrustedPath, IsNoneThatOthersMayWriteTo) {
  fs::create_directories(here("open/inner"));
  ASSERT_EQ(::chmod(here("open").c_str(), 0777), 0);
  EXPECT_EQ(refusal(here("open")), Errc::unavailable);
  EXPECT_EQ(refusal(here("open/inner")), Errc::unavailable);
  // As /tmp: names there belong to who has made them.
  ASSERT_EQ(::chmod(here("open").c_str(), 01777), 0);
  EXPECT_NO_THROW((void)open_trusted(here("open/inner"), {}, false));
  EXPECT_EQ(refusal(here("open")), Errc::unavailable);
}

TEST_F(TrustedPath, IsNoneThatAStrangerOwnsOrLeadsTo) {
  if (::geteuid() != 0) return;  // only root can make a stranger's files
  fs::create_directory(here("theirs"));
  ASSERT_EQ(::chown(here("theirs").c_str(), kStranger, kStranger), 0);
  try {
    (void)open_trusted(here("theirs"), {}, false);
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("belongs to user 65534; allowed: user 0"));
  }
  EXPECT_NO_THROW((void)open_trusted(here("theirs"), {.owner = kStranger}, false));

  fs::create_directory(here("target"));
  fs::create_directory_symlink("target", here("link"));
  ASSERT_EQ(::lchown(here("link").c_str(), kStranger, kStranger), 0);
  EXPECT_EQ(refusal(here("link")), Errc::unavailable);
}

TEST_F(TrustedPath, EndsWhereLinksLeadInACircle) {
  fs::create_symlink("b", here("a"));
  fs::create_symlink("a", here("b"));
  EXPECT_EQ(refusal(here("a")), Errc::unavailable);
}

}  // namespace
}  // namespace glance
