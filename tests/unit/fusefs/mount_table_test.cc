// SPDX-License-Identifier: Apache-2.0
#include "fusefs/daemon/mount_table.h"

#include <gmock/gmock.h>
#include <sys/sysmacros.h>

namespace glance::fs {
namespace {

constexpr const char* kTable =
    "22 1 0:20 / / rw,relatime shared:1 - ext4 /dev/vda1 rw\n"
    "36 22 0:52 / /mnt rw,nosuid shared:7 master:2 - fuse.glance /srv/a\\040b rw,user_id=0\n"
    "37 22 0:53 / /auto rw - autofs systemd-1 rw,fd=4\n"
    "38 37 0:54 / /auto rw - fuse.glance /srv/auto rw\n"
    "39 22 0:55 / /waiting rw - autofs systemd-1 rw,fd=5\n"
    "40 22 0:56 / /over rw - fuse.glance /srv/below rw\n"
    "41 40 0:57 /sub /over rw - tmpfs tmpfs rw\n"
    "42 22 0:58 / /a\\012b\\134c rw - fuse.glance - rw\n";

TEST(MountTable, LinesAreReadWithTheirEscapes) {
  const auto table = parse_mount_table(kTable);
  ASSERT_EQ(table.size(), 8U);
  EXPECT_EQ(table[1].point, "/mnt");
  EXPECT_EQ(table[1].type, kMountType);
  EXPECT_EQ(table[1].source, "/srv/a b");
  EXPECT_EQ(table[1].device, makedev(0, 52));
  EXPECT_EQ(table[7].point, "/a\nb\\c");
  EXPECT_EQ(table[7].source, "-");
}

TEST(MountTable, WhatIsNotLikeItIsLeftOut) {
  for (const char* text : {"", "\n", "36 22\n", "36 22 0:x / /mnt rw - fuse.glance s rw\n",
                           "36 22 0:52 / /mnt rw - fuse.glance\n", "a b c d e f g h i j\n"}) {
    EXPECT_THAT(parse_mount_table(text), ::testing::IsEmpty()) << text;
  }
  EXPECT_EQ(parse_mount_table("1 1 0:1 / /x\\04 rw - t s rw").at(0).point, "/x\\04");
}

TEST(MountTable, TheNewestMountOnAPointIsWhatIsSeen) {
  const auto table = parse_mount_table(kTable);
  EXPECT_EQ(topmost_mount(table, "/mnt")->source, "/srv/a b");
  EXPECT_EQ(topmost_mount(table, "/auto")->type, kMountType);
  EXPECT_EQ(topmost_mount(table, "/waiting")->type, "autofs");
  EXPECT_EQ(topmost_mount(table, "/over")->type, "tmpfs");
  EXPECT_FALSE(topmost_mount(table, "/mn").has_value());
}

}  // namespace
}  // namespace glance::fs
