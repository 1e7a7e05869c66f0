// SPDX-License-Identifier: Apache-2.0
#include "catalog/tool/progress.h"

#include <gtest/gtest.h>

namespace glance::tool {
namespace {

TEST(Progress, ShowsShareAmountRateAndTimeToGo) {
  EXPECT_EQ(render_progress({.done = 1'000'000, .total = 4'000'000, .seconds = 2}, 79),
            " 25% [========>                       ]  1.0 MB of 4.0 MB  500.0 kB/s  ETA 0:06");
}

TEST(Progress, IsFullAtTheEnd) {
  EXPECT_EQ(render_progress({.done = 4000, .total = 4000, .seconds = 1}, 60),
            "100% [===============]  4.0 kB of 4.0 kB  4.0 kB/s  ETA 0:00");
}

TEST(Progress, DoesWithoutABarWhereItIsNarrow) {
  const ProgressState state{.done = 1'000'000, .total = 4'000'000, .seconds = 2};
  EXPECT_EQ(render_progress(state, 48), " 25%  1.0 MB of 4.0 MB  500.0 kB/s  ETA 0:06");
  EXPECT_EQ(render_progress(state, 10), " 25%  1.0 ");
  EXPECT_EQ(render_progress(state, 0), "");
}

TEST(Progress, DoesWithoutAnEndThatNobodyKnows) {
  EXPECT_EQ(render_progress({.done = 1'500'000, .total = std::nullopt, .seconds = 61}, 79),
            "1.5 MB  24.6 kB/s  1:01");
}

TEST(Progress, PromisesNothingBeforeTheFirstByte) {
  EXPECT_EQ(render_progress({.done = 0, .total = 1000, .seconds = 0}, 40),
            "  0%  0 B of 1.0 kB  0 B/s  ETA -:--");
  EXPECT_EQ(render_progress({.done = 1, .total = 1'000'000'000'000, .seconds = 5}, 40),
            "  0%  1 B of 1.0 TB  0 B/s  ETA -:--");
}

TEST(Progress, StaysWithinTheLineWhenAFileGrowsOrIsEmpty) {
  EXPECT_EQ(render_progress({.done = 3000, .total = 1000, .seconds = 1}, 60),
            "100% [===============]  3.0 kB of 1.0 kB  3.0 kB/s  ETA 0:00");
  EXPECT_EQ(render_progress({.done = 0, .total = 0, .seconds = 1}, 60),
            "100% [========================]  0 B of 0 B  0 B/s  ETA -:--");
}

}  // namespace
}  // namespace glance::tool
