// SPDX-License-Identifier: Apache-2.0
#include "catalog/store/early_sync.h"

#include <array>
#include <chrono>
#include <cstdlib>
#include <thread>

#include <gtest/gtest.h>
#include <unistd.h>

#include "catalog/error.h"
#include "catalog/unique_fd.h"

namespace glance {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kEnough = std::uint64_t{1} << 30;

/// A descriptor that cannot be synced: every attempt fails with EINVAL.
class EarlySyncTest : public testing::Test {
 protected:
  EarlySyncTest() {
    std::array<int, 2> ends{};
    if (::pipe(ends.data()) != 0) std::abort();
    reading_ = UniqueFd(ends[0]);
    writing_ = UniqueFd(ends[1]);
  }

  static bool has_failed(EarlySync& early) {
    try {
      early.require_success();
      return false;
    } catch (const Error&) {
      return true;
    }
  }

  UniqueFd reading_;
  UniqueFd writing_;
};

TEST_F(EarlySyncTest, AFailureIsToldForEver) {
  EarlySync early(writing_.get());
  early.written(kEnough);
  const auto end = std::chrono::steady_clock::now() + 10s;
  while (!has_failed(early) && std::chrono::steady_clock::now() < end) std::this_thread::yield();
  EXPECT_TRUE(has_failed(early));
  EXPECT_TRUE(has_failed(early));
}

TEST_F(EarlySyncTest, ASmallFileIsLeftToTheSyncAtItsEnd) {
  {
    EarlySync early(writing_.get());
    for (int i = 0; i < 1000; ++i) early.written(1000);
    early.require_success();
  }
  EarlySync unused(writing_.get());
}

}  // namespace
}  // namespace glance
