// SPDX-License-Identifier: Apache-2.0
#include "fusefs/mount_options.h"

#include <gmock/gmock.h>

#include "catalog/error.h"

namespace glance::fs {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

MountOptions parse(const std::string& list) {
  MountOptions options = default_options(1000, 1000);
  apply_options(split_options(list), options);
  return options;
}

std::string refusal(const std::string& list) {
  try {
    parse(list);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::invalid);
    return error.what();
  }
  ADD_FAILURE() << list << " was accepted";
  return {};
}

TEST(MountOptions, RootsMountIsOpenToAllAndOthersIsNot) {
  EXPECT_TRUE(default_options(0, 0).allow_other);
  EXPECT_FALSE(default_options(1000, 1000).allow_other);
}

TEST(MountOptions, AreReadByName) {
  const auto options = parse("create,ro,uid=7,gid=8,umask=027,owner=p1,visibility=public,nosuid");
  EXPECT_TRUE(options.create);
  EXPECT_TRUE(options.read_only);
  EXPECT_EQ(options.uid, 7U);
  EXPECT_EQ(options.gid, 8U);
  EXPECT_EQ(options.umask, 027U);
  EXPECT_EQ(options.owner, "p1");
  EXPECT_EQ(options.visibility, Visibility::public_);
  EXPECT_THAT(options.kernel, ElementsAre("nosuid"));
}

TEST(MountOptions, TheLastOneWins) {
  EXPECT_FALSE(parse("ro,rw").read_only);
}

TEST(MountOptions, SplitAtCommasOutsideOfQuotes) {
  EXPECT_THAT(split_options("a,b=\"c,d\",,e"), ElementsAre("a", "b=c,d", "e"));
  EXPECT_THAT(split_options(""), IsEmpty());
  EXPECT_THROW(static_cast<void>(split_options("a=\"b")), Error);
}

TEST(MountOptions, SloppyMountsPassOverUnknownOptions) {
  EXPECT_EQ(parse("colour=blue,uid=7,sloppy").uid, 7U);
}

TEST(MountOptions, RefusalsNameTheOptionAndWhatIsAllowed) {
  EXPECT_THAT(refusal("colour=blue"), HasSubstr("'colour=blue'"));
  EXPECT_THAT(refusal("colour=blue"), HasSubstr("umask="));
  EXPECT_THAT(refusal("uid=x"), HasSubstr("needs a number"));
  EXPECT_THAT(refusal("uid="), HasSubstr("needs a number"));
  EXPECT_THAT(refusal("umask=9"), HasSubstr("octal"));
  EXPECT_THAT(refusal("visibility=secret"), HasSubstr("community"));
  EXPECT_THAT(refusal("create=1"), HasSubstr("unknown"));
  EXPECT_THAT(refusal("uid"), HasSubstr("unknown"));
}

}  // namespace
}  // namespace glance::fs
