// SPDX-License-Identifier: Apache-2.0
#include "api-bridge/http_server/pending_handshakes.h"

#include <memory>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace glance::api {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class PendingHandshakesTest : public testing::Test {
 protected:
  auto enter(int number) {
    return all_.enter([this, number] { gave_way_.push_back(number); });
  }

  PendingHandshakes all_{2};
  std::vector<int> gave_way_;
};

TEST_F(PendingHandshakesTest, OfTooManyTheOldestGiveWay) {
  const auto first = enter(1);
  const auto second = enter(2);
  EXPECT_THAT(gave_way_, IsEmpty());
  const auto third = enter(3);
  EXPECT_THAT(gave_way_, ElementsAre(1));
  const auto fourth = enter(4);
  EXPECT_THAT(gave_way_, ElementsAre(1, 2));
}

TEST_F(PendingHandshakesTest, WhoHasEndedHasNoPlace) {
  for (int i = 0; i < 10; ++i) const auto place = enter(i);
  {
    const auto first = enter(11);
    const auto second = enter(12);
    const auto third = enter(13);  // the first one has given way, and leaves its place later
    EXPECT_THAT(gave_way_, ElementsAre(11));
  }
  const auto fourth = enter(14);
  const auto fifth = enter(15);
  EXPECT_THAT(gave_way_, ElementsAre(11));
}

}  // namespace
}  // namespace glance::api
