// SPDX-License-Identifier: Apache-2.0
#include "api-bridge/http_server/worker_pool.h"

#include <exception>
#include <future>
#include <latch>
#include <memory>
#include <utility>

#include <gtest/gtest.h>

#include "api-bridge/http_server/asio.h"

namespace glance::api {
namespace {

template <typename Job>
void post(WorkerPool& pool, Job job) {
  auto begin_and_do = [ticket = std::make_shared<WorkerPool::Ticket>(pool),
                       job = std::move(job)]() -> awaitable<void> {
    ticket->begin();
    job();
    co_return;
  };
  asio::co_spawn(pool.executor(), std::move(begin_and_do), [](const std::exception_ptr&) {});
}

TEST(WorkerPool, RunsEveryJob) {
  constexpr int kJobs = 1000;
  std::latch done(kJobs);
  WorkerPool pool(2);
  for (int i = 0; i < kJobs; ++i) post(pool, [&] { done.count_down(); });
  done.wait();
}

TEST(WorkerPool, HasAThreadEvenIfNoneIsUsual) {
  std::latch done(1);
  WorkerPool pool(0);
  post(pool, [&] { done.count_down(); });
  done.wait();
}

TEST(WorkerPool, StuckJobsDoNotKeepOthersWaiting) {
  constexpr int kStuck = 10;
  std::latch all_begun(kStuck + 1);
  std::latch done(kStuck + 1);
  WorkerPool pool(2);
  // Each waits for the last: with two threads only, for ever.
  for (int i = 0; i <= kStuck; ++i) {
    post(pool, [&] {
      all_begun.arrive_and_wait();
      done.count_down();
    });
  }
  done.wait();
}

TEST(WorkerPool, GrowsAgainAfterItWasIdle) {
  WorkerPool pool(1);
  for (int round = 0; round < 3; ++round) {
    std::latch both_begun(2);
    std::latch done(2);
    for (int i = 0; i < 2; ++i) {
      post(pool, [&] {
        both_begun.arrive_and_wait();
        done.count_down();
      });
    }
    done.wait();
  }
}

TEST(WorkerPool, SaysWhenJobsWait) {
  std::latch begun(1 + WorkerPool::kSpareThreads);
  std::promise<void> end;
  const auto ended = end.get_future().share();
  WorkerPool pool(1);
  EXPECT_FALSE(pool.is_short());
  for (std::size_t i = 0; i <= WorkerPool::kSpareThreads; ++i) {
    post(pool, [&] {
      begun.count_down();
      ended.wait();
    });
  }
  begun.wait();  // they have all the threads that there are
  EXPECT_FALSE(pool.is_short());
  std::latch last(1);
  post(pool, [&] { last.count_down(); });
  EXPECT_TRUE(pool.is_short());
  end.set_value();
  last.wait();
  EXPECT_FALSE(pool.is_short());
}

TEST(WorkerPool, JobsThatNeverBeganEndWithIt) {
  const auto owned = std::make_shared<int>();
  {
    WorkerPool pool(1);
    pool.stop();
    pool.join();
    post(pool, [owned] { FAIL() << "began after stop()"; });
    EXPECT_EQ(owned.use_count(), 2);
  }
  EXPECT_EQ(owned.use_count(), 1);
}

}  // namespace
}  // namespace glance::api
