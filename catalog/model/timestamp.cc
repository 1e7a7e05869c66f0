// SPDX-License-Identifier: Apache-2.0
#include "catalog/model/timestamp.h"

#include <algorithm>
#include <chrono>

namespace glance {
namespace {

namespace chrono = std::chrono;

// fmt and the streams would do, but a listing of 10,000 images formats and parses tens of
// thousands of times: plain digits are several times faster and know no locale.

constexpr Timestamp kEarliest = chrono::sys_days(chrono::year(0) / 1 / 1);
constexpr Timestamp kLatest =
    chrono::sys_days(chrono::year(10000) / 1 / 1) - chrono::microseconds(1);

void write_digits(char* last, int count, unsigned value) noexcept {
  for (int i = 0; i < count; ++i, value /= 10) *last-- = static_cast<char>('0' + value % 10);
}

/// Reads `count` digits at `at`; -1 if there are not as many. No field has more than six.
int read_digits(std::string_view text, std::size_t at, std::size_t count) noexcept {
  if (text.size() < at + count) return -1;
  int value = 0;
  for (const char c : text.substr(at, count)) {
    if (c < '0' || c > '9') return -1;
    value = value * 10 + (c - '0');
  }
  return value;
}

/// `fraction` is what stands between the point and the end.
int read_microseconds(std::string_view fraction) noexcept {
  if (fraction.empty()) return -1;
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (!std::ranges::all_of(fraction, is_digit)) return -1;
  int value = 0;
  for (std::size_t i = 0; i < 6; ++i) {
    value = value * 10 + (i < fraction.size() ? fraction[i] - '0' : 0);
  }
  return value;
}

/// Takes a text apart from its start; the first mismatch makes all later steps fail.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  [[nodiscard]] bool at_end() const noexcept { return rest_.empty(); }
  [[nodiscard]] bool good() const noexcept { return good_; }
  [[nodiscard]] char peek() const noexcept { return rest_.empty() ? '\0' : rest_.front(); }

  bool skip(char c) noexcept {
    if (peek() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }

  /// A number of at least `min` and at most `max` digits.
  int number(std::size_t min, std::size_t max) noexcept {
    std::size_t count = 0;
    while (count < max && count < rest_.size() && rest_[count] >= '0' && rest_[count] <= '9') {
      ++count;
    }
    good_ = good_ && count >= min;
    const int value = good_ ? read_digits(rest_, 0, count) : 0;
    rest_.remove_prefix(count);
    return value;
  }

  /// What stands behind a decimal point, in microseconds.
  int fraction() noexcept {
    std::size_t count = 0;
    while (count < rest_.size() && rest_[count] >= '0' && rest_[count] <= '9') ++count;
    good_ = good_ && count > 0;
    const int value = good_ ? read_microseconds(rest_.substr(0, count)) : 0;
    rest_.remove_prefix(count);
    return value;
  }

  void fail() noexcept { good_ = false; }

 private:
  std::string_view rest_;
  bool good_ = true;
};

/// `-11-22`, `-11` or `1122`; what is left out is the first.
chrono::year_month_day read_date(Scanner& scan) noexcept {
  const int year = scan.number(4, 4);
  int month = 1;
  int day = 1;
  if (scan.skip('-')) {
    month = scan.number(1, 2);
    if (scan.skip('-')) day = scan.number(1, 2);
  } else if (!scan.at_end()) {
    month = scan.number(2, 2);
    day = scan.number(2, 2);
  }
  return {chrono::year(year), chrono::month(static_cast<unsigned>(month)),
          chrono::day(static_cast<unsigned>(day))};
}

/// `16`, `16:59`, `1659`, `16:59:28.5`.
chrono::microseconds read_clock(Scanner& scan) noexcept {
  const auto digit_follows = [&] { return scan.peek() >= '0' && scan.peek() <= '9'; };
  const int hour = scan.number(2, 2);
  int minute = 0;
  int second = 0;
  int microsecond = 0;
  if (scan.skip(':') || digit_follows()) {
    minute = scan.number(2, 2);
    if (scan.skip(':') || digit_follows()) {
      second = scan.number(1, 2);
      if (scan.skip('.') || scan.skip(',')) microsecond = scan.fraction();
    }
  }
  if (hour > 23 || minute > 59 || second > 59) scan.fail();
  return chrono::hours(hour) + chrono::minutes(minute) + chrono::seconds(second) +
         chrono::microseconds(microsecond);
}

/// How far the zone is ahead of UTC: `Z`, `+01`, `+01:00`, `-0930`.
chrono::minutes read_zone(Scanner& scan) noexcept {
  if (scan.at_end() || scan.skip('Z')) return {};
  const bool behind = scan.peek() == '-';
  if (!scan.skip('-') && !scan.skip('+')) scan.fail();
  const int hours = scan.number(2, 2);
  const bool has_minutes = scan.skip(':') || !scan.at_end();
  const int minutes = hours * 60 + (has_minutes ? scan.number(2, 2) : 0);
  return chrono::minutes(behind ? -minutes : minutes);
}

}  // namespace

std::optional<Timestamp> parse_iso_time(std::string_view text) noexcept {
  Scanner scan(text);
  const auto date = read_date(scan);
  chrono::microseconds clock{};
  chrono::minutes zone{};
  if (scan.skip('T') || scan.skip(' ')) {
    clock = read_clock(scan);
    zone = read_zone(scan);
  }
  if (!scan.good() || !scan.at_end() || !date.ok()) return std::nullopt;
  return chrono::sys_days(date) + clock - zone;
}

Timestamp now() noexcept {
  return std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now());
}

std::string format_db_time(Timestamp time) {
  time = std::clamp(time, kEarliest, kLatest);
  const auto day = chrono::floor<chrono::days>(time);
  const chrono::year_month_day date(day);
  const chrono::hh_mm_ss clock(time - day);
  std::string text = "0000-00-00 00:00:00.000000";
  write_digits(&text[3], 4, static_cast<unsigned>(static_cast<int>(date.year())));
  write_digits(&text[6], 2, static_cast<unsigned>(date.month()));
  write_digits(&text[9], 2, static_cast<unsigned>(date.day()));
  write_digits(&text[12], 2, static_cast<unsigned>(clock.hours().count()));
  write_digits(&text[15], 2, static_cast<unsigned>(clock.minutes().count()));
  write_digits(&text[18], 2, static_cast<unsigned>(clock.seconds().count()));
  write_digits(&text[25], 6, static_cast<unsigned>(clock.subseconds().count()));
  return text;
}

std::optional<Timestamp> parse_time(std::string_view text) noexcept {
  if (text.ends_with('Z')) text.remove_suffix(1);
  constexpr std::size_t kSecondsEnd = 19;
  if (text.size() < kSecondsEnd) return std::nullopt;
  if (text[4] != '-' || text[7] != '-' || text[13] != ':' || text[16] != ':') return std::nullopt;
  if (text[10] != ' ' && text[10] != 'T') return std::nullopt;

  const int year = read_digits(text, 0, 4);
  const int month = read_digits(text, 5, 2);
  const int day = read_digits(text, 8, 2);
  const int hour = read_digits(text, 11, 2);
  const int minute = read_digits(text, 14, 2);
  const int second = read_digits(text, 17, 2);
  int microsecond = 0;
  if (text.size() > kSecondsEnd) {
    if (text[kSecondsEnd] != '.') return std::nullopt;
    microsecond = read_microseconds(text.substr(kSecondsEnd + 1));
  }
  if (std::min({year, month, day, hour, minute, second, microsecond}) < 0) return std::nullopt;
  if (hour > 23 || minute > 59 || second > 59) return std::nullopt;

  const chrono::year_month_day date(chrono::year(year), chrono::month(static_cast<unsigned>(month)),
                                    chrono::day(static_cast<unsigned>(day)));
  if (!date.ok()) return std::nullopt;
  return chrono::sys_days(date) + chrono::hours(hour) + chrono::minutes(minute) +
         chrono::seconds(second) + chrono::microseconds(microsecond);
}

std::string format_api_time(Timestamp time) {
  std::string text = format_db_time(time);
  text.resize(std::string_view("YYYY-MM-DD HH:MM:SS").size());
  text[10] = 'T';
  text += 'Z';
  return text;
}

}  // namespace glance
