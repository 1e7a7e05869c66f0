// SPDX-License-Identifier: Apache-2.0
#include "fusefs/daemon/mount_source.h"

#include <filesystem>

#include <gmock/gmock.h>

#include "fusefs/daemon/start_failure.h"

namespace glance::fs {
namespace {

TEST(HoldsPassword, LooksIntoUrlsOnly) {
  EXPECT_TRUE(holds_password("mysql+pymysql://glance:pw@db/glance"));
  EXPECT_TRUE(holds_password("postgresql://glance:p/w?x@db/glance"));
  EXPECT_TRUE(holds_password("postgresql://glance@db/glance?sslmode=require&password=pw"));
  EXPECT_TRUE(holds_password("https://user:pw@cloud:9292/"));
  EXPECT_FALSE(holds_password("mysql+pymysql://glance@db/glance"));
  EXPECT_FALSE(holds_password("mysql+pymysql://glance:@db/glance"));
  EXPECT_FALSE(holds_password("https://cloud:9292/images@v2"));
  EXPECT_FALSE(holds_password("sqlite:////srv/a:b@c.sqlite"));
  EXPECT_FALSE(holds_password("/etc/glance:x@y.conf"));
}

TEST(MountSource, IsTheSpecAsWritten) {
  for (const char* spec : {"/etc/glance/glance-api.conf", "/srv/../srv/images/",
                           "sqlite:////srv/g.sqlite", "mysql+pymysql://glance@db/glance"}) {
    EXPECT_EQ(mount_source(spec), spec);
  }
}

TEST(MountSource, ARelativePathIsMadeAbsoluteAsMountDoes) {
  const auto here = std::filesystem::current_path();
  EXPECT_EQ(mount_source("images"), here / "images");
  EXPECT_EQ(mount_source("./a/../images"), here / "images");
}

TEST(MountSource, APasswordIsRefusedWithoutShowingIt) {
  try {
    static_cast<void>(mount_source("mysql+pymysql://glance:s3cret@db/glance"));
    FAIL() << "was not refused";
  } catch (const StartFailure& failure) {
    EXPECT_EQ(failure.code(), ExitCode::usage);
    EXPECT_THAT(failure.what(), ::testing::HasSubstr("configuration file"));
    EXPECT_THAT(failure.what(), ::testing::Not(::testing::HasSubstr("s3cret")));
  }
}

}  // namespace
}  // namespace glance::fs
