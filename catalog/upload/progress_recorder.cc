// SPDX-License-Identifier: Apache-2.0
#include "catalog/upload/progress_recorder.h"

#include <algorithm>
#include <utility>

#include <spdlog/spdlog.h>

#include "catalog/database/database.h"
#include "catalog/rows/progress_rows.h"

namespace glance {

namespace {

// With what a mount takes to look at the feed, others see the news within a second. Most uploads of
// small images are over by then, and are never written down.
constexpr std::chrono::milliseconds kBeat{500};
constexpr std::uint64_t kUrgent = std::uint64_t{64} << 20;  // bytes

}  // namespace

// ── one upload ────────────────────────────────────────────────────────────────────────────────

ProgressRecorder::Counter::Counter(ProgressRecorder& recorder, std::shared_ptr<Growth> growth)
    : recorder_(recorder), growth_(std::move(growth)), urgent_from_(kUrgent) {}

ProgressRecorder::Counter::~Counter() {
  recorder_.forget(growth_);
}

void ProgressRecorder::Counter::set(std::uint64_t size) {
  if (growth_->size.exchange(size) == size) return;
  const bool urgent = size >= urgent_from_;
  if (urgent) urgent_from_ = size + kUrgent;
  if (!growth_->has_news.exchange(true) || urgent) recorder_.announce(urgent);
}

// ── all of them ───────────────────────────────────────────────────────────────────────────────

ProgressRecorder::ProgressRecorder(Database& database) : database_(database) {}

ProgressRecorder::~ProgressRecorder() {
  std::thread thread;
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    thread = std::move(thread_);
  }
  changed_.notify_all();
  if (thread.joinable()) thread.join();
}

std::unique_ptr<ProgressRecorder::Counter> ProgressRecorder::follow(const ImageId& id) {
  auto growth = std::make_shared<Growth>(id);
  MutexLock lock(mutex_);
  growths_.push_back(growth);
  if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
  return std::make_unique<Counter>(*this, std::move(growth));
}

void ProgressRecorder::forget(const std::shared_ptr<Growth>& growth) {
  MutexLock lock(mutex_);
  std::erase(growths_, growth);
}

void ProgressRecorder::announce(bool urgent) {
  const auto wanted = urgent ? Clock::now() : Clock::now() + kBeat;
  {
    MutexLock lock(mutex_);
    if (due_ && *due_ <= wanted) return;
    due_ = wanted;
  }
  changed_.notify_all();
}

void ProgressRecorder::run() {
  while (const auto growths = wait_for_news()) beat(*growths);
}

/// Those that have news, when the next beat is due; nothing at the end.
std::optional<ProgressRecorder::Growths> ProgressRecorder::wait_for_news() {
  MutexLock lock(mutex_);
  while (!stopping_ && (!due_ || Clock::now() < *due_)) {
    if (!due_) {
      changed_.wait(lock);
    } else {
      const auto until = *due_;
      changed_.wait_until(lock, until);
    }
  }
  if (stopping_) return std::nullopt;
  due_.reset();
  Growths news;
  for (const auto& growth : growths_) {
    if (growth->has_news.exchange(false)) news.push_back(growth);
  }
  return news;
}

void ProgressRecorder::beat(const Growths& growths) noexcept {
  try {
    if (growths.empty() || record(growths)) return;
    for (const auto& growth : growths) growth->has_news = true;
    announce(false);
  } catch (const std::exception& error) {
    // The next news makes another attempt.
    session_.reset();
    spdlog::debug("the progress of uploads cannot be recorded: {}", error.what());
  }
}

/// False if the database is locked.
bool ProgressRecorder::record(const Growths& growths) {
  if (!session_) session_ = database_.connect_for_notes();
  return Database::try_write(*session_, [&](Session& sql) {
    for (const auto& growth : growths) {
      const std::uint64_t size = growth->size;
      if (size == std::exchange(growth->recorded, size)) continue;
      rows::record_progress(sql, growth->id, size);
    }
  });
}

}  // namespace glance
