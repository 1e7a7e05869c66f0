// SPDX-License-Identifier: Apache-2.0
#include "api-bridge/operation/bridge_config.h"

#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "catalog/base/error.h"
#include "tests/unit/support/temporary_directory.h"

namespace glance::api {
namespace {

using namespace std::chrono_literals;

class BridgeConfigTest : public testing::Test {
 protected:
  BridgeConfig read(const std::string& text) {
    const auto path = directory_.path() / "glance-api.conf";
    std::ofstream(path) << text;
    return read_bridge_config(path.string());
  }

  std::string refusal(const std::string& text) {
    try {
      (void)read(text);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Errc::invalid);
      return error.what();
    }
    return "";
  }

  test::TemporaryDirectory directory_;
};

TEST_F(BridgeConfigTest, HasDefaultsWithoutAFile) {
  const auto config = read_bridge_config(directory_.path().string());
  EXPECT_EQ(config.limits.head_bytes, 16'384U);
  EXPECT_EQ(config.limits.target_bytes, 8'192U);
  EXPECT_EQ(config.limits.buffered_body_bytes, 1'048'576U);
  EXPECT_EQ(config.limits.connections, 10'000U);
  EXPECT_EQ(config.limits.head_time, 10s);
  EXPECT_EQ(config.limits.idle_time, 75s);
  EXPECT_EQ(config.limits.stop_time, 30s);
  EXPECT_FALSE(config.tls);
  EXPECT_FALSE(config.allow_unauthenticated);
  EXPECT_TRUE(config.metrics);
  EXPECT_TRUE(config.log_accesses);
}

TEST_F(BridgeConfigTest, IsAsPatientAsGlance) {
  EXPECT_EQ(read("").limits.body_window, 900s);
  EXPECT_EQ(read("").limits.probe_time, 600s);
  EXPECT_EQ(read("[DEFAULT]\nclient_socket_timeout = 5\n").limits.body_window, 5s);
  EXPECT_EQ(read("[DEFAULT]\nclient_socket_timeout = 100000\n").limits.body_window, 100'000s);
  EXPECT_EQ(read("[DEFAULT]\nclient_socket_timeout = 0\n").limits.body_window, kForever);
  EXPECT_EQ(
      read("[DEFAULT]\nclient_socket_timeout = 0\n[glancefs]\nbody_grace = 7\n").limits.body_window,
      7s);
  EXPECT_EQ(read("[DEFAULT]\ntcp_keepidle = 30\n").limits.probe_time, 30s);
  EXPECT_THAT(refusal("[DEFAULT]\nclient_socket_timeout = -1\n"),
              testing::HasSubstr("[DEFAULT] client_socket_timeout: '-1'"));
}

TEST_F(BridgeConfigTest, ReadsItsKeys) {
  const auto config = read(
      "[DEFAULT]\ncert_file = /c\nkey_file = /k\nlog_file = l\nlog_dir = /d\ndebug = true\n"
      "[paste_deploy]\nflavor = keystone+cachemanagement\n"
      "[glancefs]\nmax_header_size = 2000\nmax_uri_size = 3000\nmax_json_size = 4000\n"
      "max_json_depth = 10\nmax_header_fields = 11\n"
      "max_connections = 5\nheader_timeout = 6\nkeepalive_timeout = 7\nbody_grace = 8\n"
      "min_body_rate = 9\ndrain_timeout = 0\nallow_unauthenticated = yes\nmetrics = off\n"
      "access_log = /a\n");
  EXPECT_EQ(config.limits.head_bytes, 2000U);
  EXPECT_EQ(config.limits.target_bytes, 3000U);
  EXPECT_EQ(config.limits.buffered_body_bytes, 4000U);
  EXPECT_EQ(config.limits.json_depth, 10U);
  EXPECT_EQ(config.limits.head_fields, 11U);
  EXPECT_EQ(config.limits.connections, 5U);
  EXPECT_EQ(config.limits.head_time, 6s);
  EXPECT_EQ(config.limits.idle_time, 7s);
  EXPECT_EQ(config.limits.body_window, 8s);
  EXPECT_EQ(config.limits.body_rate, 9U);
  EXPECT_EQ(config.limits.stop_time, 0s);
  ASSERT_TRUE(config.tls);
  EXPECT_EQ(config.tls->certificate, "/c");
  EXPECT_EQ(config.tls->key, "/k");
  EXPECT_EQ(config.log_file, "/d/l");
  EXPECT_TRUE(config.debug);
  EXPECT_TRUE(config.wants_keystone);
  EXPECT_TRUE(config.allow_unauthenticated);
  EXPECT_FALSE(config.metrics);
  EXPECT_EQ(config.access_log, "/a");
}

TEST_F(BridgeConfigTest, KnowsWhereTheLogsGo) {
  EXPECT_EQ(read("[DEFAULT]\nlog_dir = /d\n").log_file, "/d/glance-api-bridge.log");
  EXPECT_EQ(read("[DEFAULT]\nlog_dir = /d\nlog_file = /e/f\n").log_file, "/e/f");
  EXPECT_FALSE(read("[glancefs]\naccess_log = off\n").log_accesses);
}

TEST_F(BridgeConfigTest, NamesFileLineAndKeyOfABadValue) {
  EXPECT_THAT(refusal("[glancefs]\n\nmax_connections = none\n"),
              testing::EndsWith("glance-api.conf:3: [glancefs] max_connections: 'none' is not a "
                                "number in range; allowed: 1 to 1000000"));
  EXPECT_THAT(refusal("[DEFAULT]\nkey_file = /k\n"),
              testing::EndsWith("glance-api.conf:2: [DEFAULT] key_file: cert_file and key_file "
                                "belong together; allowed: both, neither"));
}

}  // namespace
}  // namespace glance::api
