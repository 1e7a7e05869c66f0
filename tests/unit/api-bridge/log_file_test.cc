// SPDX-License-Identifier: Apache-2.0
#include "api-bridge/operation/log_file.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include <gtest/gtest.h>

#include "catalog/base/error.h"
#include "tests/unit/support/temporary_directory.h"

namespace glance::api {
namespace {

std::string text_of(const std::filesystem::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(LogFile, AppendsAndFollowsARotation) {
  const test::TemporaryDirectory directory;
  const auto path = directory.path() / "log";
  std::ofstream(path) << "old\n";
  LogFile log(path);
  log.append("one\n");
  std::filesystem::rename(path, directory.path() / "log.1");
  log.append("two\n");
  log.reopen();
  log.append("three\n");
  EXPECT_EQ(text_of(directory.path() / "log.1"), "old\none\ntwo\n");
  EXPECT_EQ(text_of(path), "three\n");
}

TEST(LogFile, NamesAFileThatCannotBeOpened) {
  const test::TemporaryDirectory directory;
  EXPECT_THROW(LogFile(directory.path() / "missing" / "log"), Error);
  const auto path = directory.path() / "log";
  LogFile log(path);
  std::filesystem::remove(path);
  std::filesystem::create_directory(path);
  EXPECT_THROW(log.reopen(), Error);
  log.append("still written\n");
}

}  // namespace
}  // namespace glance::api
