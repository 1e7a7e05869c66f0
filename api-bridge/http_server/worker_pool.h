// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <thread>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include "catalog/base/log_limit.h"
#include "catalog/base/sync.h"

namespace glance::api {

/// Threads for jobs that may block.
///
/// As few as keep the cores busy are there always: with more, each job would wake a thread of its
/// own, and they would only take the cores from each other. But jobs get stuck, in a slow disk or
/// behind a lock. When some wait and for kPatience none has begun, a spare thread comes, and
/// another one every kPatience as long as that goes on. Spare threads leave when there is nothing
/// to do.
///
/// Safe for concurrent use. Who still waits for a job must be gone before its pool, or go with it.
class WorkerPool {
 public:
  static constexpr std::size_t kSpareThreads = 32;

  /// Bytes that a job which moves data may move before others get its thread.
  static constexpr std::size_t kStaySize = std::size_t{4} * 1024 * 1024;

  /// `usual` threads, at least one.
  explicit WorkerPool(std::size_t usual);
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  /// A job on its way to a thread.
  class Ticket {
   public:
    explicit Ticket(WorkerPool& pool);
    ~Ticket() { begin(); }
    Ticket(const Ticket&) = delete;
    Ticket& operator=(const Ticket&) = delete;

    /// It has got its thread.
    void begin() noexcept;

   private:
    WorkerPool* pool_;  // null: it has begun
  };

  /// Where jobs run, which must hold a Ticket until they begin.
  [[nodiscard]] auto executor() noexcept { return jobs_.get_executor(); }

  /// Whether jobs wait for a thread.
  [[nodiscard]] bool is_short() const noexcept { return waiting_ > 0; }

  /// No job begins any more.
  void stop();

  /// After stop(): waits for the jobs that have begun.
  void join();

 private:
  struct Spare {
    std::atomic<bool> is_used = false;
    std::jthread thread;
  };

  void watch();
  void add_spare();

  std::atomic<std::size_t> waiting_ = 0;
  std::atomic<std::uint64_t> begun_ = 0;
  std::atomic<bool> watching_ = false;

  Mutex mutex_;  // a leaf
  std::condition_variable_any changed_;
  bool stopped_ GUARDED_BY(mutex_) = false;

  // Its destruction ends the jobs that never began, and they look at the counters above.
  boost::asio::io_context jobs_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> open_;
  std::vector<Spare> spares_{kSpareThreads};  // of the watcher's thread
  LogLimit failures_{1, std::chrono::seconds(10)};
  std::vector<std::jthread> threads_;
  std::jthread watcher_;
};

}  // namespace glance::api
