// SPDX-License-Identifier: Apache-2.0
#include "catalog/os/make_private.h"

#include <fstream>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "catalog/base/error.h"
#include "tests/unit/support/catalog_fixture.h"

namespace glance {
namespace {

namespace fs = std::filesystem;

/// The process's umask, for a scope.
class Umask {
 public:
  explicit Umask(mode_t mask) : before_(::umask(mask)) {}
  ~Umask() { ::umask(before_); }
  Umask(const Umask&) = delete;
  Umask& operator=(const Umask&) = delete;

 private:
  const mode_t before_;
};

mode_t mode_of(const fs::path& path) {
  struct stat status{};
  EXPECT_EQ(::stat(path.c_str(), &status), 0) << path;
  return status.st_mode & 07777;
}

TEST(MakePrivate, IsForOwnerAndGroupWhateverTheUmask) {
  const test::TemporaryDirectory folder;
  for (const mode_t mask : {0000, 0022, 0077}) {
    const Umask umask(mask);
    const fs::path top = folder.path() / std::to_string(mask);
    make_private_directories(top / "a" / "b/");
    make_private_file(top / "file");
    for (const auto& path : {top, top / "a", top / "a" / "b"}) EXPECT_EQ(mode_of(path), 0750U);
    EXPECT_EQ(mode_of(top / "file"), 0640U);
  }
}

TEST(MakePrivate, KeepsTheGroupThatAParentHandsOn) {
  const test::TemporaryDirectory folder;
  ASSERT_EQ(::chmod(folder.path().c_str(), 02755), 0);
  const Umask umask(0077);
  make_private_directories(folder.path() / "a");
  EXPECT_EQ(mode_of(folder.path() / "a"), 02750U);
}

TEST(MakePrivate, LeavesWhatIsThere) {
  const test::TemporaryDirectory folder;
  const fs::path file = folder.path() / "file";
  std::ofstream(file) << "content";
  ASSERT_EQ(::chmod(file.c_str(), 0604), 0);
  ASSERT_EQ(::chmod(folder.path().c_str(), 0711), 0);
  make_private_file(file);
  make_private_directories(folder.path());
  EXPECT_EQ(mode_of(file), 0604U);
  EXPECT_EQ(mode_of(folder.path()), 0711U);
  EXPECT_EQ(fs::file_size(file), 7U);
}

TEST(MakePrivate, SaysWhatIsInTheWay) {
  const test::TemporaryDirectory folder;
  std::ofstream(folder.path() / "file") << "content";
  EXPECT_EQ(test::error_of([&] {
              make_private_directories(folder.path() / "file" / "a");
              return 0;
            }),
            Errc::exists);
}

}  // namespace
}  // namespace glance
