// SPDX-License-Identifier: Apache-2.0
#include "catalog/tool/progress.h"

#include <algorithm>
#include <cmath>
#include <iostream>

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "catalog/tool/text.h"

namespace glance::tool {

namespace {

constexpr std::chrono::milliseconds kRedraw{100};
constexpr std::size_t kDefaultWidth = 80;
constexpr std::size_t kNarrowestBar = 10;
constexpr std::size_t kWidestBar = 40;
constexpr double kLongestEta = 99.0 * 3600;  // a stalled start says nothing about the end

std::size_t terminal_width() {
  struct ::winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return kDefaultWidth;
  return size.ws_col;
}

/// Between 0 and 1, whatever the file did while it was read.
double share_of(const ProgressState& state) {
  if (*state.total == 0) return 1;
  return std::min(1.0, static_cast<double>(state.done) / static_cast<double>(*state.total));
}

std::string bar(double share, std::size_t width) {
  const std::size_t inside = width - 2;
  const auto filled = static_cast<std::size_t>(share * static_cast<double>(inside));
  std::string text = "[" + std::string(filled, '=') + std::string(inside - filled, ' ') + "]";
  if (filled < inside) text[1 + filled] = '>';
  return text;
}

std::string eta(const ProgressState& state, double rate) {
  if (rate <= 0) return "ETA -:--";
  const auto left = static_cast<double>(*state.total - std::min(state.done, *state.total));
  const double seconds = std::ceil(left / rate);
  if (seconds > kLongestEta) return "ETA -:--";
  return "ETA " + human_duration(static_cast<std::uint64_t>(seconds));
}

}  // namespace

std::string render_progress(const ProgressState& state, std::size_t width) {
  const double rate = state.seconds > 0 ? static_cast<double>(state.done) / state.seconds : 0;
  const std::string speed = human_size(static_cast<std::uint64_t>(rate)) + "/s";
  if (!state.total) {
    return fmt::format("{}  {}  {}", human_size(state.done), speed,
                       human_duration(static_cast<std::uint64_t>(state.seconds)))
        .substr(0, width);
  }
  const double share = share_of(state);
  const std::string head = fmt::format("{:3}%", static_cast<int>(share * 100));
  const std::string tail = fmt::format("{} of {}  {}  {}", human_size(state.done),
                                       human_size(*state.total), speed, eta(state, rate));
  const std::size_t texts = head.size() + 1 + 2 + tail.size();
  if (texts + kNarrowestBar > width) return (head + "  " + tail).substr(0, width);
  return head + " " + bar(share, std::min(kWidestBar, width - texts)) + "  " + tail;
}

Progress::Progress(std::optional<std::uint64_t> total, bool quiet)
    : shown_(!quiet && ::isatty(STDERR_FILENO) == 1), state_{.total = total} {}

Progress::~Progress() {
  clear();
}

void Progress::advance(std::uint64_t bytes) {
  state_.done += bytes;
  if (!shown_) return;
  const auto now = Clock::now();
  if (now - drawn_ < kRedraw) return;
  drawn_ = now;
  state_.seconds = std::chrono::duration<double>(now - start_).count();
  draw();
}

void Progress::draw() {
  // One column stays free: writing into the last one makes some terminals wrap.
  std::cerr << "\r\033[K" << render_progress(state_, terminal_width() - 1) << std::flush;
  visible_ = true;
}

void Progress::clear() {
  if (!visible_) return;
  std::cerr << "\r\033[K" << std::flush;
  visible_ = false;
}

}  // namespace glance::tool
