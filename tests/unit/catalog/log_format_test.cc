// SPDX-License-Identifier: Apache-2.0
#include "catalog/text/log_format.h"

#include <memory>
#include <sstream>

#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

namespace glance {
namespace {

TEST(LogFormat, MakesOneLineOfEveryMessage) {
  std::ostringstream text;
  spdlog::logger logger("test", std::make_shared<spdlog::sinks::ostream_sink_st>(text));
  logger.set_formatter(log_format("%n [%l] %v", "\n"));
  logger.info("image {} is gone", "a\nb\x1b[2J\u009b2J\xff");
  logger.warn("plain");
  EXPECT_EQ(text.str(),
            "test [info] image a\\nb\\x1b[2J\\u{009b}2J\\xff is gone\n"
            "test [warning] plain\n");
}

}  // namespace
}  // namespace glance
