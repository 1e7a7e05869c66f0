// SPDX-License-Identifier: Apache-2.0
#include "api-bridge/wire/head_check.h"

#include <string>

#include <gtest/gtest.h>

namespace glance::api {
namespace {

std::string get(const std::string& fields) {
  return "GET / HTTP/1.1\r\n" + fields + "\r\n";
}

TEST(HeadCheck, LetsOrdinaryRequestsPass) {
  for (const auto* fields : {
           "Host: a\r\n",
           "host: [::1]:9292\r\nContent-Length: 12\r\n",
           "Host: a:1\r\nTransfer-Encoding: Chunked\r\n",
           "Host:\r\nAccept: text/html\r\nAccept: */*\r\n",
       }) {
    EXPECT_FALSE(head_fault(get(fields))) << fields;
  }
  EXPECT_FALSE(head_fault("GET / HTTP/1.0\r\n\r\n"));
  EXPECT_FALSE(head_fault("GET / HTTP/1.2\r\nHost: a\r\n\r\n"));
  EXPECT_FALSE(head_fault("GET / HTTP/1.9\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"));
}

TEST(HeadCheck, RefusesWhatTwoReadersCouldUnderstandDifferently) {
  for (const auto* fields : {
           "Host: a\r\nX: a\r\n b\r\n",
           "Host: a\r\nX: a\r\n\tb\r\n",
           "Host: a\r\nX: a\nY: b\r\n",
           "Host: a\r\nX: a\rY: b\r\n",
           "Host: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n",
           "Host: a\r\nContent-Length: 3, 3\r\n",
           "Host: a\r\nContent-Length: +3\r\n",
           "Host: a\r\nContent-Length: -3\r\n",
           "Host: a\r\nContent-Length: 0x3\r\n",
           "Host: a\r\nContent-Length:\r\n",
           "Host: a\r\nContent-Length: 99999999999999999999\r\n",
           "Host: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n",
           "Host: a\r\nTransfer-Encoding: gzip, chunked\r\n",
           "Host: a\r\nTransfer-Encoding: chunked, identity\r\n",
           "Host: a\r\nTransfer-Encoding: identity\r\n",
           "Host: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
       }) {
    EXPECT_TRUE(head_fault(get(fields))) << fields;
  }
}

TEST(HeadCheck, TellsUnknownCodingsFromMalformedOnes) {
  const auto status = [](const std::string& coding) {
    return head_fault(get("Host: a\r\nTransfer-Encoding: " + coding + "\r\n"))->status;
  };
  EXPECT_EQ(status("gzip, chunked"), 501);
  EXPECT_EQ(status("gzip"), 400);
  EXPECT_EQ(status("chunked, gzip"), 400);
  EXPECT_EQ(status("chunked, chunked"), 400);
}

TEST(HeadCheck, RefusesHostsThatAreMissingRepeatedOrNoHosts) {
  for (const auto* fields : {"", "Host: a\r\nHost: a\r\n", "Host: a/b\r\n", "Host: a b\r\n",
                             "Host: <x>\r\n", "Host: a@b\r\n"}) {
    EXPECT_TRUE(head_fault(get(fields))) << fields;
  }
}

TEST(HeadCheck, RefusesOtherVersionsAndChunksInTheOldOne) {
  EXPECT_TRUE(head_fault("GET / HTTP/2.0\r\nHost: a\r\n\r\n"));
  EXPECT_TRUE(head_fault("GET /\r\n\r\n"));
  EXPECT_TRUE(head_fault("PUT / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"));
}

TEST(HeadCheck, RefusesNulCharacters) {
  EXPECT_TRUE(head_fault(get(std::string("Host: a\r\nX: a") + '\0' + "b\r\n")));
}

}  // namespace
}  // namespace glance::api
