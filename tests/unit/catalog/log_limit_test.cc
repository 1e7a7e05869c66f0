// SPDX-License-Identifier: Apache-2.0
#include "catalog/base/log_limit.h"

#include <chrono>
#include <cstdint>
#include <optional>

#include <gtest/gtest.h>

namespace glance {
namespace {

using namespace std::chrono_literals;

TEST(LogLimit, AdmitsSoManyLinesAnIntervalAndCountsTheOthers) {
  LogLimit limit(2, 10s);
  const auto start = LogLimit::Clock::now();
  EXPECT_EQ(limit.admit(start), 0U);
  EXPECT_EQ(limit.admit(start + 9s), 0U);
  EXPECT_EQ(limit.admit(start + 9s), std::nullopt);
  EXPECT_EQ(limit.admit(start + 9s), std::nullopt);
  EXPECT_EQ(limit.admit(start + 10s), 2U);
  EXPECT_EQ(limit.admit(start + 11s), 0U);
  EXPECT_EQ(limit.admit(start + 19s), std::nullopt);
  EXPECT_EQ(limit.admit(start + 100s), 1U);
}

TEST(LogLimit, SaysHowManyThereWere) {
  EXPECT_EQ(and_more(0), "");
  EXPECT_EQ(and_more(3), " (and 3 more since the last such line)");
}

}  // namespace
}  // namespace glance
