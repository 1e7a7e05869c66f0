// SPDX-License-Identifier: Apache-2.0
#include "catalog/tool/text.h"

#include <gtest/gtest.h>

namespace glance::tool {
namespace {

TEST(HumanSize, HasOneDigitBehindThePointAndNeverFourBefore) {
  EXPECT_EQ(human_size(0), "0 B");
  EXPECT_EQ(human_size(999), "999 B");
  EXPECT_EQ(human_size(1000), "1.0 kB");
  EXPECT_EQ(human_size(2097152), "2.1 MB");
  EXPECT_EQ(human_size(999'949), "999.9 kB");
  EXPECT_EQ(human_size(999'950), "1.0 MB");
  EXPECT_EQ(human_size(UINT64_MAX), "18.4 EB");
}

TEST(HumanDuration, GrowsHoursWhenItNeedsThem) {
  EXPECT_EQ(human_duration(0), "0:00");
  EXPECT_EQ(human_duration(7), "0:07");
  EXPECT_EQ(human_duration(754), "12:34");
  EXPECT_EQ(human_duration(3599), "59:59");
  EXPECT_EQ(human_duration(3600), "1:00:00");
  EXPECT_EQ(human_duration(360'061), "100:01:01");
}

}  // namespace
}  // namespace glance::tool
