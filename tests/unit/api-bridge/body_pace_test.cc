// SPDX-License-Identifier: Apache-2.0
#include "api-bridge/wire/body_pace.h"

#include <gtest/gtest.h>

namespace glance::api {
namespace {

using namespace std::chrono_literals;

TEST(BodyPace, GivesAWindowForItsQuota) {
  BodyPace pace(10s, 100);
  EXPECT_EQ(pace.patience(), 10s);
  pace.moved(999, 4s);
  EXPECT_EQ(pace.patience(), 6s);
  pace.moved(1, 5s);
  EXPECT_EQ(pace.patience(), 10s);
}

TEST(BodyPace, RunsOutWithTheWindow) {
  BodyPace pace(10s, 100);
  pace.moved(10, 6s);
  pace.moved(10, 6s);
  EXPECT_EQ(pace.patience(), 0s);
}

TEST(BodyPace, CountsWaitingOnly) {
  BodyPace pace(10s, 100);
  pace.moved(10, 0s);
  EXPECT_EQ(pace.patience(), 10s);
}

TEST(BodyPace, GivesNoCreditForWhatCameFaster) {
  BodyPace pace(10s, 100);
  pace.moved(1'000'000, 1s);
  pace.moved(10, 9s);
  EXPECT_EQ(pace.patience(), 1s);
}

TEST(BodyPace, WantsOneByteAtLeast) {
  BodyPace pace(10s, 0);
  pace.moved(0, 4s);
  EXPECT_EQ(pace.patience(), 6s);
  pace.moved(1, 4s);
  EXPECT_EQ(pace.patience(), 10s);
}

}  // namespace
}  // namespace glance::api
