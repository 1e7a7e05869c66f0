// SPDX-License-Identifier: Apache-2.0
#include "api-bridge/wire/range.h"

#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "api-bridge/wire/http_error.h"

namespace glance::api {
namespace {

std::optional<ByteRange> range_of(const std::string& value, std::uint64_t size,
                                  const std::string& field = "Range") {
  Request request;
  request.headers = {{field, value}};
  return requested_range(request, size);
}

int refusal(const std::string& value, std::uint64_t size, const std::string& field = "Range") {
  try {
    (void)range_of(value, size, field);
  } catch (const HttpError& error) {
    return error.status();
  }
  return 0;
}

TEST(Range, WithoutOneIsTheWholeImage) {
  EXPECT_FALSE(requested_range(Request{}, 10));
}

TEST(Range, IsWhatWasAskedForWithinTheImage) {
  EXPECT_EQ(range_of("bytes=0-9", 1000), (ByteRange{0, 10}));
  EXPECT_EQ(range_of("bytes=990-", 1000), (ByteRange{990, 10}));
  EXPECT_EQ(range_of("bytes=-10", 1000), (ByteRange{990, 10}));
  EXPECT_EQ(range_of("BYTES=5-5", 1000), (ByteRange{5, 1}));
}

TEST(Range, IsCutToTheImage) {
  EXPECT_EQ(range_of("bytes=5-99", 10), (ByteRange{5, 5}));
  EXPECT_EQ(range_of("bytes=-99", 10), (ByteRange{0, 10}));
  EXPECT_EQ(range_of("bytes=5-99999999999999999999999", 10), (ByteRange{5, 5}));
}

TEST(Range, WithoutASuffixLengthIsTheWholeImageAsInGlance) {
  EXPECT_EQ(range_of("bytes=-0", 10), (ByteRange{0, 10}));
}

TEST(Range, IsRefusedWhenItIsNotThere) {
  EXPECT_EQ(refusal("bytes=10-", 10), 416);
  EXPECT_EQ(refusal("bytes=99999999999999999999999-", 10), 416);
  EXPECT_EQ(refusal("bytes=0-", 0), 416);
  EXPECT_EQ(refusal("bytes=-1", 0), 416);
}

TEST(Range, IsRefusedWhenItIsMalformed) {
  for (const auto* value : {"bytes=5-2", "foo", "", "bytes", "bytes=", "bytes=-", "bytes=a-b",
                            "bytes=1", "lines=0-5", "bytes=--5", "bytes=0x1-2"}) {
    EXPECT_EQ(refusal(value, 10), 416) << value;
  }
}

TEST(Range, IsRefusedWhenThereAreSeveral) {
  EXPECT_EQ(refusal("bytes=1-2,4-5", 10), 400);
}

TEST(ContentRange, InARequestIsARange) {
  EXPECT_EQ(range_of("bytes 2-5/*", 10, "Content-Range"), (ByteRange{2, 4}));
  EXPECT_EQ(range_of("bytes 2-5/10", 10, "Content-Range"), (ByteRange{2, 4}));
}

TEST(ContentRange, IsNotCutToTheImage) {
  EXPECT_EQ(refusal("bytes 2-50/*", 10, "Content-Range"), 416);
  EXPECT_EQ(refusal("bytes 20-50/*", 10, "Content-Range"), 416);
}

TEST(ContentRange, IsRefusedWhenItIsMalformed) {
  for (const auto* value :
       {"junk", "bytes 5-2/*", "bytes 2-5", "bytes -5/*", "bytes /-", "bytes "}) {
    EXPECT_EQ(refusal(value, 10, "Content-Range"), 416) << value;
  }
}

}  // namespace
}  // namespace glance::api
