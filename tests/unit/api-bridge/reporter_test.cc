// SPDX-License-Identifier: Apache-2.0
#include "api-bridge/operation/reporter.h"

#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>

#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include "tests/unit/support/temporary_directory.h"

namespace glance::api {
namespace {

class ReporterTest : public testing::Test {
 protected:
  ~ReporterTest() override { spdlog::set_default_logger(before_); }

  BridgeConfig config() {
    BridgeConfig config;
    config.log_file = file();
    return config;
  }

  std::filesystem::path file() { return directory_.path() / "log"; }

  std::size_t lines_with(std::string_view text) {
    std::ifstream log(file());
    std::size_t count = 0;
    for (std::string line; std::getline(log, line);) count += line.find(text) != line.npos ? 1 : 0;
    return count;
  }

 private:
  test::TemporaryDirectory directory_;
  const std::shared_ptr<spdlog::logger> before_ = spdlog::default_logger();
};

TEST_F(ReporterTest, AFloodOfWarningsDoesNotFillTheDiskAndHidesNoError) {
  const Reporter reporter(config());
  for (int i = 0; i < 5000; ++i) spdlog::warn("the same again");
  EXPECT_GE(lines_with("[warning]"), 100U);
  EXPECT_LE(lines_with("[warning]"), 2000U);
  spdlog::error("a fault");
  spdlog::info("a word");
  spdlog::critical("an end");
  EXPECT_EQ(lines_with("a fault"), 1U);
  EXPECT_EQ(lines_with("a word"), 1U);
  EXPECT_EQ(lines_with("an end"), 1U);
}

TEST_F(ReporterTest, SaysOnceThatItCannotTakeConnections) {
  Reporter reporter(config());
  for (int i = 0; i < 1000; ++i) {
    reporter.connection_refused();
    reporter.accepting_failed("Too many open files");
  }
  EXPECT_EQ(lines_with("refused a connection"), 1U);
  EXPECT_EQ(lines_with("cannot accept a connection: Too many open files"), 1U);
}

}  // namespace
}  // namespace glance::api
