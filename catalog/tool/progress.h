// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace glance::tool {

/// How far a long command has come.
struct ProgressState {
  std::uint64_t done = 0;              ///< bytes
  std::optional<std::uint64_t> total;  ///< bytes; nothing while the end is unknown
  double seconds = 0;                  ///< since the start
};

/// One line of at most `width` columns: amount, bar, rate, time to go. Pure.
[[nodiscard]] std::string render_progress(const ProgressState& state, std::size_t width);

/// A progress bar in the last line of stderr, if that is a terminal; else it does nothing.
/// Redrawn some times a second. One thread.
class Progress {
 public:
  Progress(std::optional<std::uint64_t> total, bool quiet);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void advance(std::uint64_t bytes);

  /// Takes the bar away, so that something else may be printed; it comes back by itself.
  void clear();

 private:
  using Clock = std::chrono::steady_clock;

  void draw();

  const bool shown_;
  const Clock::time_point start_ = Clock::now();
  Clock::time_point drawn_ = start_;
  ProgressState state_;
  bool visible_ = false;
};

}  // namespace glance::tool
