// SPDX-License-Identifier: Apache-2.0
#include "catalog/spool/early_sync.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <future>
#include <thread>

#include <gtest/gtest.h>
#include <unistd.h>

#include "catalog/base/error.h"
#include "catalog/os/unique_fd.h"

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

/// A sync that ends when it is told to, with EIO.
class SlowSync {
 public:
  [[nodiscard]] EarlySync::Sync function() {
    return [this](int) {
      begun_.set_value();
      end_.get_future().wait();
      errno = EIO;
      return -1;
    };
  }
  void wait_for_begin() { begun_.get_future().wait(); }
  void end() { end_.set_value(); }

 private:
  std::promise<void> begun_;
  std::promise<void> end_;
};

TEST(EarlySyncAtItsEnd, WaitsForASyncThatMayHaveBeenToldOfALostWrite) {
  SlowSync slow;
  EarlySync early(-1, slow.function());
  early.written(kEnough);
  slow.wait_for_begin();
  early.require_success();
  auto end = std::async(std::launch::async, [&] { early.require_end_in_success(); });
  EXPECT_EQ(end.wait_for(20ms), std::future_status::timeout);
  slow.end();
  EXPECT_THROW(end.get(), Error);
  EXPECT_THROW(early.require_end_in_success(), Error);
}

TEST(EarlySyncAtItsEnd, GoesOnWithWhatIsWrittenAfterwards) {
  std::promise<void> first;
  std::promise<void> second;
  int calls = 0;
  EarlySync early(-1, [&](int) {
    if (++calls <= 2) (calls == 1 ? first : second).set_value();
    return 0;
  });
  early.written(kEnough);
  first.get_future().wait();
  early.require_end_in_success();
  early.written(kEnough);
  EXPECT_EQ(second.get_future().wait_for(10s), std::future_status::ready);
}

}  // namespace
}  // namespace glance
