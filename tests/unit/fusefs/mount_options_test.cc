// SPDX-License-Identifier: Apache-2.0
#include "fusefs/base/mount_options.h"

#include <gmock/gmock.h>

#include "catalog/base/error.h"

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

TEST(MountOptions, SayHowImagesAreReplacedAndHowLongToWait) {
  const auto options = parse(
      "overwrite=replace,replaced=hide,commit_linger=0,drain=86400,show_views,log_level=warning");
  EXPECT_EQ(options.overwrite, Overwrite::replace);
  EXPECT_EQ(options.replaced, Replaced::hidden);
  EXPECT_EQ(options.commit_linger, std::chrono::seconds(0));
  EXPECT_EQ(options.drain, std::chrono::seconds(86400));
  EXPECT_TRUE(options.show_views);
  EXPECT_EQ(options.log_level, LogLevel::warning);
}

TEST(MountOptions, LeaveOutMeansRefuseDeleteTenSecondsAndNoViews) {
  const auto options = parse("");
  EXPECT_EQ(options.overwrite, Overwrite::refuse);
  EXPECT_EQ(options.replaced, Replaced::deleted);
  EXPECT_EQ(options.commit_linger, std::chrono::seconds(10));
  EXPECT_EQ(options.drain, std::chrono::seconds(10));
  EXPECT_FALSE(options.show_views);
  EXPECT_EQ(options.log_level, LogLevel::info);
}

TEST(MountOptions, UsersAndGroupsMayHaveNames) {
  const auto options = parse("uid=daemon,gid=daemon");
  EXPECT_EQ(options.uid, 1U);
  EXPECT_EQ(options.gid, 1U);
}

TEST(MountOptions, TheLastOneWins) {
  EXPECT_FALSE(parse("ro,rw").read_only);
  EXPECT_TRUE(parse("rw,ro").read_only);
  EXPECT_EQ(parse("drain=1,drain=2").drain, std::chrono::seconds(2));
  EXPECT_FALSE(parse("show_views,noshow_views").show_views);
  EXPECT_FALSE(parse("create,nocreate").create);
  EXPECT_TRUE(parse("noallow_other,allow_other").allow_other);
}

TEST(MountOptions, SplitAtCommasOutsideOfQuotes) {
  EXPECT_THAT(split_options("a,b=\"c,d\",,e"), ElementsAre("a", "b=c,d", "e"));
  EXPECT_THAT(split_options(""), IsEmpty());
  EXPECT_THROW(static_cast<void>(split_options("a=\"b")), Error);
}

TEST(MountOptions, WordsWithoutEffectHereStayAway) {
  EXPECT_THAT(parse("defaults,relatime,nodiratime,lazytime,nonempty,nosymfollow").kernel,
              IsEmpty());
  EXPECT_THAT(parse("noatime,dirsync").kernel, ElementsAre("noatime", "dirsync"));
}

TEST(MountOptions, SloppyMountsPassOverUnknownOptions) {
  EXPECT_EQ(parse("colour=blue,uid=7,sloppy").uid, 7U);
}

TEST(MountOptions, RefusalsNameTheOptionAndWhatIsAllowed) {
  EXPECT_THAT(refusal("colour=blue"), HasSubstr("'colour=blue'"));
  EXPECT_THAT(refusal("colour=blue"), HasSubstr("umask="));
  EXPECT_THAT(refusal("create=1"), HasSubstr("unknown"));
  EXPECT_THAT(refusal("uid"), HasSubstr("unknown"));
  EXPECT_THAT(refusal("noro"), HasSubstr("unknown"));
}

TEST(MountOptions, RefusalsOfAValueNameWhatItMayBe) {
  constexpr const char* kNoUser = "'no such one' is not a user of this system; allowed: a name, or";
  EXPECT_THAT(refusal("uid=no such one"), HasSubstr(kNoUser));
  EXPECT_THAT(refusal("uid="), HasSubstr("is not a user"));
  EXPECT_THAT(refusal("uid=-1"), HasSubstr("is not a user"));
  EXPECT_THAT(refusal("uid=4294967295"), HasSubstr("is not a user"));
  EXPECT_THAT(refusal("gid=4294967296"), HasSubstr("is not a group"));
  EXPECT_THAT(refusal("umask=9"), HasSubstr("an octal mode; allowed: 0 to 0777"));
  EXPECT_THAT(refusal("umask=1777"), HasSubstr("an octal mode"));
  EXPECT_THAT(refusal("owner="), HasSubstr("1 to 255 characters"));
  EXPECT_THAT(refusal("owner=" + std::string(256, 'x')), HasSubstr("1 to 255 characters"));
  EXPECT_THAT(refusal("visibility=secret"), HasSubstr("community"));
  EXPECT_THAT(refusal("overwrite=yes"), HasSubstr("allowed: refuse, replace"));
  EXPECT_THAT(refusal("replaced=keep"), HasSubstr("allowed: delete, hide"));
  EXPECT_THAT(refusal("commit_linger=1h"), HasSubstr("mount option 'commit_linger=1h'"));
  EXPECT_THAT(refusal("commit_linger=-1"), HasSubstr("allowed: 0 to 86400"));
  EXPECT_THAT(refusal("drain=86401"), HasSubstr("allowed: 0 to 86400"));
  EXPECT_THAT(refusal("log_level=loud"), HasSubstr("debug, info, warning, error"));
}

// ── the section [glancefs] ────────────────────────────────────────────────────────────────────

MountOptions with_setting(const std::string& key, const std::string& text) {
  MountOptions options = default_options(1000, 1000);
  apply_settings({{key, {.text = text, .place = "g.conf:7: [glancefs] " + key + ":"}}}, options);
  return options;
}

TEST(MountSettings, HaveTheNamesOfTheOptions) {
  EXPECT_EQ(with_setting("drain", "3").drain, std::chrono::seconds(3));
  EXPECT_EQ(with_setting("uid", "daemon").uid, 1U);
  EXPECT_EQ(with_setting("visibility", "public").visibility, Visibility::public_);
  EXPECT_TRUE(with_setting("show_views", "True").show_views);
  EXPECT_FALSE(with_setting("show_views", "off").show_views);
  EXPECT_TRUE(with_setting("ro", "yes").read_only);
}

TEST(MountSettings, AreOverruledByTheCommandLine) {
  MountOptions options = with_setting("ro", "true");
  apply_options({"rw"}, options);
  EXPECT_FALSE(options.read_only);
}

TEST(MountSettings, OfOthersArePassedOver) {
  EXPECT_EQ(with_setting("colour", "blue").drain, std::chrono::seconds(10));
}

TEST(MountSettings, RefusalsNameThePlace) {
  const auto refusal_of = [](const std::string& key, const std::string& text) -> std::string {
    try {
      with_setting(key, text);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Errc::invalid);
      return error.what();
    }
    return "accepted";
  };
  EXPECT_EQ(refusal_of("drain", "soon"),
            "g.conf:7: [glancefs] drain: 'soon' is not a number of seconds; allowed: 0 to 86400");
  EXPECT_EQ(refusal_of("ro", "maybe"),
            "g.conf:7: [glancefs] ro: 'maybe' is not a boolean; allowed: true, false, yes, no, on, "
            "off, 1, 0");
}

}  // namespace
}  // namespace glance::fs
