// SPDX-License-Identifier: Apache-2.0
#include "fusefs/writing/open_files.h"

#include <array>
#include <barrier>
#include <cerrno>
#include <system_error>
#include <thread>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/support/catalog_fixture.h"

namespace glance::fs {
namespace {

/// A process that does nothing but be there.
class Bystander {
 public:
  Bystander() : pid_(::fork()) {
    if (pid_ == 0) {
      for (;;) ::pause();
    }
  }
  ~Bystander() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  Bystander(const Bystander&) = delete;
  Bystander& operator=(const Bystander&) = delete;

  [[nodiscard]] Requester requester() const { return {.thread = pid_}; }

 private:
  const pid_t pid_;
};

class Processes {
 protected:
  std::array<Bystander, 2> processes_;
};

/// The processes first: they must not inherit the catalog's connections and threads.
class AnImageThatTwoOpen : public Processes, public test::CatalogFixture {
 protected:
  /// What each of both opens for writing at the same moment; 0 where it is told EBUSY.
  std::array<std::uint64_t, 2> open_at_once(const NodePtr& node) {
    std::array<std::uint64_t, 2> handles{};
    std::barrier start(2);
    const auto open = [&](std::size_t i) {
      start.arrive_and_wait();
      try {
        handles[i] = files_.open(node, O_WRONLY, processes_[i].requester()).handle;
      } catch (const std::system_error& error) {
        EXPECT_EQ(error.code().value(), EBUSY);
      }
    };
    std::thread other(open, 1);
    open(0);
    other.join();
    return handles;
  }

  NodePtr new_node() {
    const ImageId id = add("image").id;
    index_.refresh();
    return index_.find_id(id);
  }

  void TearDown() override { files_.close_all(); }

  const MountOptions options_;
  ImageIndex index_{*catalog_, caller_, [](const std::vector<Invalidation>&) {}};
  OpenFiles files_{*catalog_, caller_, options_, index_};
};

TEST_F(AnImageThatTwoOpen, IsOneOfTheirs) {
  constexpr int kImages = 50;
  constexpr int kRoundsEach = 4;  // after the first one it is an idle file's that both take over
  for (int image = 0; image < kImages; ++image) {
    const NodePtr node = new_node();
    for (int round = 0; round < kRoundsEach; ++round) {
      const auto [one, two] = open_at_once(node);
      ASSERT_NE(one == 0, two == 0) << "image " << image << ", round " << round;
      files_.release(one + two);
    }
  }
}

TEST_F(AnImageThatTwoOpen, IsOpenedTwiceByOneProcess) {
  const NodePtr node = new_node();
  const auto first = files_.open(node, O_WRONLY, processes_[0].requester());
  const auto second = files_.open(node, O_WRONLY, processes_[0].requester());
  EXPECT_THROW(static_cast<void>(files_.open(node, O_WRONLY, processes_[1].requester())),
               std::system_error);
  files_.write(first.handle, 0, bytes("hello "), processes_[0].requester());
  files_.write(second.handle, 6, bytes("world"), processes_[0].requester());
  files_.release(first.handle);
  files_.release(second.handle);
  EXPECT_EQ(data_of(node->image.id), "hello world");
}

}  // namespace
}  // namespace glance::fs
