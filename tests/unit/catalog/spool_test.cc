// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <fstream>
#include <thread>

#include <gmock/gmock.h>
#include <sys/stat.h>

#include "catalog/base/error.h"
#include "catalog/spool/spool_area.h"
#include "tests/unit/support/catalog_fixture.h"

namespace glance {
namespace {

using test::error_of;

class Spooling : public ::testing::Test {
 protected:
  [[nodiscard]] std::filesystem::path file() const {
    return directory_.path() / ".uploads" / id_.text();
  }

  const test::TemporaryDirectory directory_;
  const HeldDirectory home_{directory_.path()};
  const SpoolArea area_{home_};
  const ImageId id_ = ImageId::random();
};

TEST_F(Spooling, ASecondWriterOfOneImageIsAConflict) {
  const auto first = area_.create(id_);
  EXPECT_EQ(error_of([&] { return area_.create(id_); }), Errc::conflict);
}

TEST_F(Spooling, LockingLeavesADeadWritersBytes) {
  area_.create(id_)->write(0, std::as_bytes(std::span("old", 3)));
  EXPECT_EQ(area_.create(id_)->size(), 3U);
}

TEST_F(Spooling, ClaimTellsLivingDeadAndAbsentWritersApart) {
  EXPECT_FALSE(area_.claim(id_).alive);
  EXPECT_EQ(area_.claim(id_).spool, nullptr);
  auto spool = area_.create(id_);
  EXPECT_TRUE(area_.claim(id_).alive);
  spool.reset();
  const auto claim = area_.claim(id_);
  EXPECT_FALSE(claim.alive);
  EXPECT_NE(claim.spool, nullptr);
}

TEST_F(Spooling, AWriterThatBeginsIsNeverTakenForADeadOne) {
  std::atomic<int> taken = 0;
  const std::jthread recovery([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      if (const auto claim = area_.claim(id_); claim.spool) ++taken;
    }
  });
  constexpr int kRounds = 3000;
  for (int round = 0; round < kRounds; ++round) ASSERT_NO_THROW(area_.create(id_)->discard());
  EXPECT_EQ(taken, 0);
}

TEST_F(Spooling, DiscardingLeavesTheBytesOfASuccessor) {
  const auto old = area_.create(id_);
  std::filesystem::remove(file());
  const auto fresh = area_.create(id_);
  old->discard();
  EXPECT_TRUE(std::filesystem::exists(file()));
  fresh->discard();
  EXPECT_FALSE(std::filesystem::exists(file()));
}

TEST_F(Spooling, IsNobodyElsesToRead) {
  const auto spool = area_.create(id_);
  struct stat status{};
  ASSERT_EQ(::stat(file().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0640U);
  ASSERT_EQ(::stat(file().parent_path().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0750U);
}

TEST_F(Spooling, NeverFollowsALinkThatSomebodyHasPutThere) {
  const test::TemporaryDirectory elsewhere;
  std::filesystem::create_directory_symlink(elsewhere.path(), directory_.path() / ".uploads");
  EXPECT_EQ(error_of([&] { return area_.create(id_); }), Errc::unavailable);
  EXPECT_EQ(error_of([&] { return area_.claim(id_); }), Errc::unavailable);
  EXPECT_EQ(error_of([&] { return area_.unfinished(); }), Errc::unavailable);
  std::filesystem::remove(directory_.path() / ".uploads");

  std::filesystem::create_directory(directory_.path() / ".uploads");
  std::ofstream(elsewhere.path() / "precious") << "precious";
  std::filesystem::create_symlink(elsewhere.path() / "precious", file());
  EXPECT_THROW(static_cast<void>(area_.create(id_)), Error);
  EXPECT_EQ(std::filesystem::file_size(elsewhere.path() / "precious"), 8U);
}

}  // namespace
}  // namespace glance
