// SPDX-License-Identifier: Apache-2.0
#include "catalog/model/timestamp.h"

#include <chrono>
#include <cstdint>
#include <random>

#include <gtest/gtest.h>

namespace glance {
namespace {

using std::chrono::microseconds;

Timestamp at(std::int64_t microseconds_since_1970) {
  return Timestamp(microseconds(microseconds_since_1970));
}

constexpr std::int64_t kSample = 1795366768746269;  // 2026-11-22 16:59:28.746269

TEST(Timestamp, IsWrittenWithSixDigitsAlways) {
  EXPECT_EQ(format_db_time(at(kSample)), "2026-11-22 16:59:28.746269");
  EXPECT_EQ(format_db_time(at(0)), "1970-01-01 00:00:00.000000");
  EXPECT_EQ(format_db_time(at(7)), "1970-01-01 00:00:00.000007");
}

TEST(Timestamp, BeforeTheEpochIsWrittenToo) {
  EXPECT_EQ(format_db_time(at(-1)), "1969-12-31 23:59:59.999999");
}

TEST(Timestamp, OutsideOfFourDigitYearsIsClamped) {
  EXPECT_EQ(format_db_time(Timestamp::max()), "9999-12-31 23:59:59.999999");
  EXPECT_EQ(format_db_time(Timestamp::min()), "0000-01-01 00:00:00.000000");
}

TEST(Timestamp, ReadsWhatGlanceWrites) {
  EXPECT_EQ(parse_time("2026-11-22 16:59:28.746269"), at(kSample));
}

TEST(Timestamp, ReadsOtherWritersForms) {
  const auto second = at(kSample - 746269);
  EXPECT_EQ(parse_time("2026-11-22 16:59:28"), second);
  EXPECT_EQ(parse_time("2026-11-22T16:59:28"), second);
  EXPECT_EQ(parse_time("2026-11-22T16:59:28Z"), second);
  EXPECT_EQ(parse_time("2026-11-22T16:59:28.746269Z"), at(kSample));
  EXPECT_EQ(parse_time("2026-11-22 16:59:28.7"), second + microseconds(700000));
  EXPECT_EQ(parse_time("2026-11-22 16:59:28.7462691234"), at(kSample));
}

TEST(Timestamp, KnowsLeapDays) {
  EXPECT_TRUE(parse_time("2024-02-29 00:00:00"));
  EXPECT_TRUE(parse_time("2000-02-29 00:00:00"));
  EXPECT_FALSE(parse_time("2023-02-29 00:00:00"));
  EXPECT_FALSE(parse_time("1900-02-29 00:00:00"));
}

TEST(Timestamp, RefusesOtherTexts) {
  for (const char* text : {
           "",
           "Z",
           "now",
           "2026-11-22",
           "2026-11-22 16:59",
           "2026-11-22 16:59:28.",
           "2026-11-22 16:59:28.x",
           "2026-11-22 16:59:28.7x",
           "2026-11-22 16:59:28,5",
           "2026-11-22x16:59:28",
           "2026/11/22 16:59:28",
           "2026-11-22 16.59.28",
           "2026-13-22 16:59:28",
           "2026-00-22 16:59:28",
           "2026-11-31 16:59:28",
           "2026-11-00 16:59:28",
           "2026-11-22 24:00:00",
           "2026-11-22 16:60:28",
           "2026-11-22 16:59:60",
           "2026-11-22 16:59:-1",
           "2026-1 -22 16:59:28",
           "+026-11-22 16:59:28",
           " 2026-11-22 16:59:28",
           "2026-11-22 16:59:28 ",
           "2026-11-22 16:59:28ZZ",
           "2026-11-22 16:59:28+00:00",
       }) {
    EXPECT_EQ(parse_time(text), std::nullopt) << text;
  }
}

TEST(Timestamp, SurvivesTheRoundTrip) {
  std::mt19937_64 random(20261122);
  std::uniform_int_distribution<std::int64_t> any(-62167219200000000, 253402300799999999);
  for (int i = 0; i < 10000; ++i) {
    const Timestamp time = at(any(random));
    EXPECT_EQ(parse_time(format_db_time(time)), time);
  }
}

TEST(Timestamp, TextOrderIsTimeOrder) {
  std::mt19937_64 random(1);
  std::uniform_int_distribution<std::int64_t> any(0, 253402300799999999);
  for (int i = 0; i < 1000; ++i) {
    const Timestamp a = at(any(random));
    const Timestamp b = at(any(random));
    EXPECT_EQ(a < b, format_db_time(a) < format_db_time(b));
  }
}

TEST(Timestamp, ReadsWhatPeopleWrite) {
  constexpr std::int64_t kSecond = 1795366768000000;  // 2026-11-22 16:59:28
  for (const auto* text : {"2026-11-22T16:59:28Z", "2026-11-22 16:59:28", "20261122T165928Z",
                           "2026-11-22T17:59:28+01:00", "2026-11-22T17:59:28+01",
                           "2026-11-22T07:29:28-0930", "2026-11-22T16:59:28,0Z"}) {
    EXPECT_EQ(parse_iso_time(text), at(kSecond)) << text;
  }
  EXPECT_EQ(parse_iso_time("2026-11-22T16:59:28.746269Z"), at(kSample));
  EXPECT_EQ(parse_iso_time("1970"), at(0));
  EXPECT_EQ(parse_iso_time("1970-01"), at(0));
  EXPECT_EQ(parse_iso_time("1970-1-1"), at(0));
  EXPECT_EQ(parse_iso_time("1970-01-01T00"), at(0));
}

TEST(Timestamp, RefusesWhatIsNoIsoTime) {
  for (const auto* text :
       {"", "x", "197", "19701", "197001", "1970-13", "1970-02-30", "1970-01-01T", "1970-01-01T24",
        "1970-01-01T00:60", "1970-01-01T00:00:00.", "1970-01-01T00:00:00 00:00", "1970-01-01Z",
        "1970-01-01T00:00:00+1", "1970-01-01T00:00:00Zx", "1970-01-01T00:00:00+01:", "-1970"}) {
    EXPECT_EQ(parse_iso_time(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace glance
