// SPDX-License-Identifier: Apache-2.0
#include "mount.glance/mount_arguments.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace glance::mount_helper {
namespace {

using Words = std::vector<std::string>;

struct Call {
  std::string name;  ///< what the row shows
  Words arguments;
  Words command;
  std::string program = "/sbin/mount.glance";
};

void PrintTo(const Call& call, std::ostream* out) {
  *out << call.name;
}

std::string name_of(const testing::TestParamInfo<Call>& info) {
  return info.param.name;
}

class CallTable : public testing::TestWithParam<Call> {};

TEST_P(CallTable, BecomesTheCommand) {
  EXPECT_EQ(make_plan(GetParam().program, GetParam().arguments).command, GetParam().command);
}

constexpr const char* kUmount = "/sbin/umount.fuse.glance";

INSTANTIATE_TEST_SUITE_P(
    Mount, CallTable,
    testing::Values(
        Call{"Plain", {"/srv/glance", "/mnt"}, {"glancefs", "/srv/glance", "/mnt"}},
        Call{"DefaultsOfMount",
             {"/srv/glance", "/mnt", "-o", "rw"},
             {"glancefs", "/srv/glance", "/mnt"}},
        Call{"ReadOnly", {"/s", "/mnt", "-o", "ro"}, {"glancefs", "/s", "/mnt", "-o", "ro"}},
        Call{"LastOfReadOnlyAndReadWriteCounts",
             {"/s", "/mnt", "-o", "ro,uid=5,rw"},
             {"glancefs", "/s", "/mnt", "-o", "uid=5"}},
        Call{"OptionsFirst",
             {"-o", "uid=5", "/s", "/mnt"},
             {"glancefs", "/s", "/mnt", "-o", "uid=5"}},
        Call{"AsMountCallsIt",
             {"/s", "/mnt", "-s", "-n", "-v", "-o", "rw,uid=5", "-t", "fuse.glance"},
             {"glancefs", "/s", "/mnt", "-o", "uid=5,sloppy"}},
        Call{"FlagsInOneWord",
             {"/s", "/mnt", "-nvouid=5"},
             {"glancefs", "/s", "/mnt", "-o", "uid=5"}},
        Call{"OptionsTwice",
             {"/s", "/mnt", "-o", "uid=5", "-o", "gid=6"},
             {"glancefs", "/s", "/mnt", "-o", "uid=5,gid=6"}},
        Call{"NamesAfterDoubleDash", {"--", "/s", "/mnt"}, {"glancefs", "/s", "/mnt"}},
        Call{"WordsForMountAreSwallowed",
             {"/s", "/mnt", "-o",
              "defaults,_netdev,nofail,auto,noauto,user,users,nouser,user=bob,group,comment=a b,"
              "x-systemd.automount,x-systemd.requires=a,X-mount.mkdir,relatime,uhelper=u"},
             {"glancefs", "/s", "/mnt"}},
        Call{"FlagsForTheKernelPass",
             {"/s", "/mnt", "-o", "nosuid,nodev,noexec,noatime,allow_other"},
             {"glancefs", "/s", "/mnt", "-o", "nosuid,nodev,noexec,noatime,allow_other"}},
        Call{"OwnerIsOursWithAValueOnly",
             {"/s", "/mnt", "-o", "owner,owner=b04477d0"},
             {"glancefs", "/s", "/mnt", "-o", "owner=b04477d0"}},
        Call{"QuotedCommaStaysInItsValue",
             {"/s", "/mnt", "-o", "comment=\"a,ro\",tags=\"x,y\",nofail"},
             {"glancefs", "/s", "/mnt", "-o", "tags=\"x,y\""}},
        Call{"TheLastWordCountsAcrossAllOptions",
             {"/s", "/mnt", "-o", "rw", "-o", "ro"},
             {"glancefs", "/s", "/mnt", "-o", "ro"}},
        Call{"InANamespace",
             {"/s", "/mnt", "-o", "rw", "-N", "/proc/7/fd/4"},
             {"glancefs", "/s", "/mnt", "-N", "/proc/7/fd/4"}},
        Call{"EmptyOptions", {"/s", "/mnt", "-o", ",,"}, {"glancefs", "/s", "/mnt"}},
        Call{"Spaces", {"/s p", "/m n"}, {"glancefs", "/s p", "/m n"}},
        Call{"UrlWithoutPassword",
             {"sqlite:////srv/g.sqlite", "/mnt"},
             {"glancefs", "sqlite:////srv/g.sqlite", "/mnt"}}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    Remount, CallTable,
    testing::Values(Call{"GoesToTheKernel",
                         {"/s", "/mnt", "-o", "ro,remount"},
                         {"mount", "-i", "-o", "remount,ro", "--", "/s", "/mnt"},
                         "/sbin/mount.fuse.glance"},
                    Call{"LeavesOutWhatOnlyANewMountChanges",
                         {"/s", "/mnt", "-o",
                          "remount,rw,nosuid,user_id=0,group_id=0,allow_other,uid=5"},
                         {"mount", "-i", "-o", "remount,rw,nosuid", "--", "/s", "/mnt"}},
                    Call{"InANamespace",
                         {"/s", "/mnt", "-o", "remount,ro", "-N", "7"},
                         {"mount", "-i", "-N", "7", "-o", "remount,ro", "--", "/s", "/mnt"}}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    Unmount, CallTable,
    testing::Values(Call{"Plain", {"/mnt"}, {"umount", "-i", "--", "/mnt"}, kUmount},
                    Call{"Flags",
                         {"/mnt", "-f", "-l", "-nrv", "-t", "fuse.glance"},
                         {"umount", "-i", "-flnrv", "--", "/mnt"},
                         kUmount},
                    Call{"Namespace",
                         {"/mnt", "-N", "/proc/1/ns/mnt"},
                         {"umount", "-i", "-N", "/proc/1/ns/mnt", "--", "/mnt"},
                         "umount.fuse.glance"}),
    name_of);

struct Refusal {
  std::string name;
  Words arguments;
  std::string message;  ///< a part of it
  std::string program = "mount.glance";
};

void PrintTo(const Refusal& refusal, std::ostream* out) {
  *out << refusal.name;
}

std::string refusal_name(const testing::TestParamInfo<Refusal>& info) {
  return info.param.name;
}

class RefusalTable : public testing::TestWithParam<Refusal> {};

TEST_P(RefusalTable, SaysWhy) {
  try {
    (void)make_plan(GetParam().program, GetParam().arguments);
    FAIL() << "was not refused";
  } catch (const UsageError& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr(GetParam().message));
    EXPECT_THAT(error.what(), testing::Not(testing::HasSubstr("\n")));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Call, RefusalTable,
    testing::Values(
        Refusal{"NoNames", {}, "expected SPEC and DIR"}, Refusal{"OneName", {"/s"}, "got 1 names"},
        Refusal{"ThreeNames", {"/s", "/mnt", "/x"}, "got 3 names"},
        Refusal{"EmptySpec", {"", "/mnt"}, "SPEC is empty"},
        Refusal{"SpecLikeAFlag", {"--", "-s", "/mnt"}, "SPEC must not begin with '-'"},
        Refusal{"DirLikeAFlag", {"--", "/s", "-d"}, "DIR must not begin with '-'"},
        Refusal{"UnknownFlag", {"-x", "/s", "/mnt"}, "unknown option: -x"},
        Refusal{"LongFlag", {"--spec", "/s", "/mnt"}, "unknown option: --spec"},
        Refusal{"OptionsMissing", {"/s", "/mnt", "-o"}, "option -o needs a value"},
        Refusal{"OpenQuote", {"/s", "/mnt", "-o", "a=\"b,c"}, "quote is not closed"},
        Refusal{
            "OptionLikeAFlag", {"/s", "/mnt", "-o", "ro,--bar"}, "must not begin with '-': --bar"},
        Refusal{"QuotedOptionLikeAFlag", {"/s", "/mnt", "-o", "-f"}, "must not begin with '-': -f"},
        Refusal{"NamespaceMissing", {"/s", "/mnt", "-N"}, "option -N needs a value"},
        Refusal{"UnmountOfTwo", {"/a", "/b"}, "expected one DIR", kUmount},
        Refusal{"UnmountOptions", {"/a", "-o", "x"}, "unknown option: -o", kUmount}),
    refusal_name);

TEST(MakePlan, FakeMountOnlyChecks) {
  const Plan plan = make_plan("mount.glance", Words{"/s", "/mnt", "-f", "-o", "create,rw"});
  EXPECT_EQ(plan.task, Task::check);
  EXPECT_EQ(plan.command, (Words{"glancefs", "/s", "/mnt", "--check", "-o", "create"}));
  EXPECT_TRUE(plan.note.empty());
  EXPECT_EQ(make_plan("mount.glance", Words{"/s", "/mnt", "-fo", "remount,ro"}).task,
            Task::nothing);
}

TEST(MakePlan, MountsAreNotedForUmount) {
  EXPECT_EQ(make_plan("mount.glance", Words{"/s", "/mnt"}).note,
            (Words{"mount", "-i", "-f", "-t", "fuse.glance", "-o", "uhelper=fuse.glance", "--",
                   "/s", "/mnt"}));
  EXPECT_EQ(make_plan("mount.glance", Words{"/s", "/mnt", "-N", "7"}).note,
            (Words{"mount", "-i", "-f", "-N", "7", "-t", "fuse.glance", "-o", "uhelper=fuse.glance",
                   "--", "/s", "/mnt"}));
}

TEST(MakePlan, TasksFollowTheName) {
  EXPECT_EQ(make_plan("mount.fuse.glance", Words{"/s", "/mnt"}).task, Task::mount);
  EXPECT_EQ(make_plan("/sbin/umount.fuse.glance", Words{"/mnt"}).task, Task::unmount);
  EXPECT_EQ(make_plan("/umount.d/mount.glance", Words{"/s", "/mnt"}).task, Task::mount);
  EXPECT_EQ(make_plan("mount.glance", Words{"--help"}).task, Task::help);
  EXPECT_EQ(make_plan("mount.glance", Words{"-V"}).task, Task::version);
}

TEST(SplitOptions, KeepsQuotedCommas) {
  EXPECT_THAT(split_options("a,b=\"c,d\",,e=f\"g,\"h"),
              testing::ElementsAre("a", "b=\"c,d\"", "e=f\"g,\"h"));
  EXPECT_THAT(split_options(""), testing::IsEmpty());
  EXPECT_THAT(split_options("a\\,b"), testing::ElementsAre("a\\", "b"));
}

}  // namespace
}  // namespace glance::mount_helper
