// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api-bridge/http_server/asio.h"
#include "api-bridge/http_server/deadline.h"
#include "api-bridge/http_server/observer.h"
#include "api-bridge/http_server/response_sender.h"
#include "api-bridge/http_server/stream.h"
#include "api-bridge/http_server/worker_pool.h"
#include "catalog/os/unique_fd.h"

namespace glance::api {
namespace {

/// Both ends of a connection.
struct Pair {
  tcp::socket ours;
  tcp::socket theirs;
};

Pair connect(asio::io_context& io) {
  tcp::acceptor acceptor(io, {asio::ip::address_v4::loopback(), 0});
  tcp::socket theirs(io);
  theirs.connect(acceptor.local_endpoint());
  return {acceptor.accept(), std::move(theirs)};
}

TEST(DetachedSocket, ComesBackToItsStream) {
  asio::io_context io;
  auto pair = connect(io);
  Stream stream(std::move(pair.ours), nullptr);
  const int number = stream.socket().native_handle();
  {
    const Stream::Detached socket(stream);
    EXPECT_EQ(socket.fd(), number);
    EXPECT_FALSE(stream.socket().is_open());
  }
  EXPECT_EQ(stream.socket().native_handle(), number);
}

TEST(DetachedSocket, ThatIsNotTakenBackIsClosedForGood) {
  asio::io_context io;
  auto pair = connect(io);
  Stream stream(std::move(pair.ours), nullptr);
  {
    const Stream::Detached socket(stream);
    ::close(socket.fd());  // the event loop takes no number that is closed
  }
  EXPECT_FALSE(stream.socket().is_open());
  const Stream::Detached again(stream);
  EXPECT_LT(again.fd(), 0);
}

TEST(DetachedSocket, OfAStreamThatIsClosedMeanwhileDoesNotOpenItAgain) {
  asio::io_context io;
  auto pair = connect(io);
  Stream stream(std::move(pair.ours), nullptr);
  {
    const Stream::Detached socket(stream);
    stream.close();
    EXPECT_GE(::fcntl(socket.fd(), F_GETFD), 0);  // its user has it to the end
  }
  ASSERT_FALSE(stream.socket().is_open());
  char byte = 0;
  EXPECT_EQ(::recv(pair.theirs.native_handle(), &byte, 1, 0), 0);
}

/// A file that is long enough not to fit into any socket's buffer.
class LongReader final : public BlobReader {
 public:
  static constexpr std::uint64_t kSize = std::uint64_t{1} << 30;

  LongReader() : file_(::memfd_create("long", MFD_CLOEXEC)) {
    EXPECT_EQ(::ftruncate(file_.get(), kSize), 0);
  }
  [[nodiscard]] std::uint64_t size() const override { return kSize; }
  std::size_t read(std::uint64_t, std::span<std::byte> into) const override { return into.size(); }
  [[nodiscard]] int fd() const noexcept override { return file_.get(); }

 private:
  UniqueFd file_;
};

/// Does something once, when a whole stay on the pool has ended without waiting for the peer.
class AfterOneStay final : public ServerObserver {
 public:
  explicit AfterOneStay(std::function<void()> action) : action_(std::move(action)) {}
  void bytes_moved(std::uint64_t, std::uint64_t sent) override {
    if (sent >= WorkerPool::kStaySize && action_) std::exchange(action_, nullptr)();
  }
  [[nodiscard]] bool has_acted() const { return action_ == nullptr; }

 private:
  std::function<void()> action_;
};

TEST(DetachedSocket, IsNotWrittenToWhenItsNumberHasBecomeAnotherClients) {
  std::signal(SIGPIPE, SIG_IGN);
  asio::io_context io;
  auto pair = connect(io);
  std::thread peer([&] {
    std::array<char, 1 << 16> piece{};
    while (::recv(pair.theirs.native_handle(), piece.data(), piece.size(), 0) > 0) continue;
  });
  Stream stream(std::move(pair.ours), nullptr);
  const int number = stream.socket().native_handle();
  std::array<int, 2> strangers{-1, -1};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, strangers.data()), 0);
  AfterOneStay observer([&] {
    stream.close();  // as when the event loop does not take the socket back
    ASSERT_EQ(::dup2(strangers[0], number), number);
  });
  const auto deadline = std::make_shared<Deadline>(io.get_executor(), [&] { stream.cancel(); });
  const ServerLimits limits;
  WorkerPool pool(1);
  ResponseSender sender(stream, *deadline, limits, FileRoute::sendfile, pool, observer);
  const Response response{.status = 200,
                          .headers = {},
                          .body = FileSlice{std::make_unique<LongReader>(), 0, LongReader::kSize}};
  std::exception_ptr failure;
  asio::co_spawn(io, sender.send(response, {}, false), [&](std::exception_ptr error) {
    failure = std::move(error);
    deadline->end();
  });
  io.run();
  pair.theirs.shutdown(tcp::socket::shutdown_both);
  peer.join();
  EXPECT_TRUE(observer.has_acted());
  EXPECT_THROW(std::rethrow_exception(failure), ConnectionLost);
  char byte = 0;
  EXPECT_EQ(::recv(strangers[1], &byte, 1, MSG_DONTWAIT), -1);
  EXPECT_EQ(errno, EAGAIN);
  for (const int each : {strangers[0], strangers[1], number}) ::close(each);
}

}  // namespace
}  // namespace glance::api
