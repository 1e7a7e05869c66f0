// SPDX-License-Identifier: Apache-2.0
#include "api-bridge/wire/chunked_body.h"

#include <algorithm>
#include <string>

#include <gtest/gtest.h>

#include "api-bridge/wire/http_error.h"

namespace glance::api {
namespace {

/// Decodes `text`, of which `step` more bytes come each time; the rest behind the body is kept.
struct Decoded {
  std::string data;
  std::string rest;
  bool done = false;
};

Decoded decode(const std::string& text, std::size_t step) {
  ChunkedBody body;
  Decoded out;
  std::string buffered;
  for (std::size_t at = 0; at < text.size(); at += step) {
    buffered += text.substr(at, step);
    for (;;) {
      std::size_t taken = 0;
      if (body.data_left() > 0) {
        taken = std::min<std::uint64_t>(body.data_left(), buffered.size());
        out.data += buffered.substr(0, taken);
        body.took_data(taken);
      } else {
        taken = body.take_framing(buffered);
      }
      if (taken == 0) break;
      buffered.erase(0, taken);
    }
  }
  out.rest = buffered;
  out.done = body.is_done();
  return out;
}

TEST(ChunkedBody, GivesTheDataWhateverPiecesTheyComeIn) {
  const std::string text = "3;a=\"b\"\r\nabc\r\n0a\r\n0123456789\r\n000\r\nX: y\r\n\r\nGET /";
  for (std::size_t step = 1; step <= text.size(); ++step) {
    const auto decoded = decode(text, step);
    EXPECT_EQ(decoded.data, "abc0123456789") << step;
    EXPECT_EQ(decoded.rest, "GET /") << step;
    EXPECT_TRUE(decoded.done) << step;
  }
}

TEST(ChunkedBody, IsNotDoneBeforeItsLastLine) {
  for (const auto* text :
       {"", "3", "3\r\nab", "3\r\nabc\r\n", "0\r\n", "0\r\n\r", "0\r\nX: y\r\n"}) {
    EXPECT_FALSE(decode(text, 1).done) << text;
  }
}

TEST(ChunkedBody, RefusesWhatTwoReadersCouldUnderstandDifferently) {
  for (const auto* text : {"\r\n",
                           "x\r\n",
                           "-1\r\n",
                           "+1\r\n",
                           "0x1\r\n",
                           " 1\r\n",
                           "1 \r\n",
                           "1_\r\n",
                           "1\n",
                           "1\r1\r\n",
                           "8000000000000000\r\n",
                           "ffffffffffffffff\r\n",
                           "10000000000000000\r\n",
                           "00000000000000001\r\n",
                           "1\r\nab",
                           "1\r\na\n",
                           "1\r\na\rb",
                           "1\r\na\r\n\r\n",
                           "0\r\nX\r\n",
                           "0\r\n: y\r\n",
                           "0\r\n X: y\r\n",
                           "0\r\nX : y\r\n",
                           "0\r\n\n",
                           "0\r\nX(y): z\r\n",
                           "1;\r\n",
                           "1; \r\n",
                           "1;;a\r\n",
                           "1;a;\r\n",
                           "1;a=\r\n",
                           "1;=b\r\n",
                           "1;a=b=c\r\n",
                           "1;a b\r\n",
                           "1;a=b c\r\n",
                           "1;a \r\n",
                           "1;a=\"b\r\n",
                           "1;a=\"b\\\"\r\n",
                           "1;a=\"b\"c\r\n",
                           "1;a=b\"c\"\r\n",
                           "1;a=(b)\r\n",
                           "1;a\x01\r\n",
                           "1;a\x7f\r\n"}) {
    EXPECT_THROW((void)decode(text, 1), HttpError) << text;
    EXPECT_THROW((void)decode(text, 100), HttpError) << text;
  }
}

TEST(ChunkedBody, PassesOverExtensions) {
  for (const auto* extensions :
       {";a", ";a=b", ";a=\"\"", ";a=\"b;c=\\\"d\\\\\"", " \t;a", "; a = b", ";a;b=c ; d=\"e f\"",
        ";a=\"\xC3\xA9\"", ";!#$%&'*+-.^_`|~=1"}) {
    const auto decoded = decode("1" + std::string(extensions) + "\r\nx\r\n0;end\r\n\r\n", 1);
    EXPECT_TRUE(decoded.done) << extensions;
    EXPECT_EQ(decoded.data, "x") << extensions;
  }
}

TEST(ChunkedBody, ReadsTheLargestSizeThatIsOne) {
  ChunkedBody body;
  EXPECT_EQ(body.take_framing("7fffffffffffffff\r\n"), 18U);
  EXPECT_EQ(body.data_left(), static_cast<std::uint64_t>(INT64_MAX));
}

TEST(ChunkedBody, BoundsLinesAndTrailers) {
  EXPECT_THROW((void)decode("1;" + std::string(5000, 'a'), 5002), HttpError);
  std::string trailers = "0\r\n";
  for (int i = 0; i < 10'000; ++i) trailers += "X: y\r\n";
  EXPECT_THROW((void)decode(trailers, 100), HttpError);
}

}  // namespace
}  // namespace glance::api
