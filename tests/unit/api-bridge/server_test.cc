// SPDX-License-Identifier: Apache-2.0
#include "api-bridge/http_server/server.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api-bridge/http_server/observer.h"
#include "api-bridge/wire/http_error.h"
#include "catalog/base/error.h"
#include "catalog/base/sync.h"
#include "catalog/os/unique_fd.h"

namespace glance::api {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
using testing::UnorderedElementsAre;

/// Bytes in memory, with or without a descriptor of them.
class MemoryReader final : public BlobReader {
 public:
  MemoryReader(std::string bytes, bool with_fd) : bytes_(std::move(bytes)) {
    if (!with_fd) return;
    file_ = UniqueFd(::memfd_create("blob", MFD_CLOEXEC));
    EXPECT_EQ(::write(file_.get(), bytes_.data(), bytes_.size()),
              static_cast<ssize_t>(bytes_.size()));
  }

  [[nodiscard]] std::uint64_t size() const override { return bytes_.size(); }

  std::size_t read(std::uint64_t offset, std::span<std::byte> into) const override {
    const auto size = std::min<std::uint64_t>(into.size(), bytes_.size() - offset);
    std::memcpy(into.data(), bytes_.data() + offset, size);
    return size;
  }

  [[nodiscard]] int fd() const noexcept override { return file_.get(); }

 private:
  std::string bytes_;
  UniqueFd file_;
};

/// A file whose bytes cannot be read from some place on: it is shorter than its record says, or
/// gives an error.
class SpoiledReader final : public BlobReader {
 public:
  enum class Kind { error, short_copied, short_file, unreadable_file };
  static constexpr std::uint64_t kSize = 1'000'000;
  static constexpr std::uint64_t kGood = 300'000;

  explicit SpoiledReader(Kind kind) : kind_(kind) {
    if (kind == Kind::short_file) {
      file_ = UniqueFd(::memfd_create("short", MFD_CLOEXEC));
      EXPECT_EQ(::ftruncate(file_.get(), kGood), 0);
    }
    if (kind == Kind::unreadable_file) file_ = UniqueFd(::open("/", O_RDONLY | O_CLOEXEC));
  }

  [[nodiscard]] std::uint64_t size() const override { return kSize; }

  std::size_t read(std::uint64_t offset, std::span<std::byte> into) const override {
    if (offset < kGood) return std::min<std::uint64_t>(into.size(), kGood - offset);
    if (kind_ == Kind::error) throw Error(Errc::io, "the disk is broken");
    return 0;
  }

  [[nodiscard]] int fd() const noexcept override { return file_.get(); }

 private:
  const Kind kind_;
  UniqueFd file_;
};

/// Keeps what it is told of requests.
class Recorder final : public ServerObserver {
 public:
  void request_ended(const RequestRecord& record) override {
    MutexLock lock(mutex_);
    records_.push_back(fmt::format("{} {} {}", record.route, record.status, record.fault));
  }

  [[nodiscard]] std::vector<std::string> records() const {
    MutexLock lock(mutex_);
    return records_;
  }

 private:
  mutable Mutex mutex_;
  std::vector<std::string> records_ GUARDED_BY(mutex_);
};

/// What the sinks of one test met with.
struct Uploads {
  std::atomic<std::uint64_t> received = 0;
  std::atomic<int> finished = 0;
  std::atomic<int> taken_back = 0;
};

class CountingSink final : public BodySink {
 public:
  explicit CountingSink(Uploads& uploads) : uploads_(uploads) {}
  CountingSink(const CountingSink&) = delete;
  CountingSink& operator=(const CountingSink&) = delete;
  ~CountingSink() override {
    if (!finished_) ++uploads_.taken_back;
  }
  void write(std::span<const std::byte> bytes) override { uploads_.received += bytes.size(); }
  Response finish() override {
    finished_ = true;
    ++uploads_.finished;
    return {.status = 204, .headers = {}, .body = {}};
  }

 private:
  Uploads& uploads_;
  bool finished_ = false;
};

/// A sink on a disk that hangs now and then.
class SlowSink final : public BodySink {
 public:
  static constexpr auto kTime = 300ms;

  explicit SlowSink(Uploads& uploads) : counting_(uploads) {}
  void write(std::span<const std::byte> bytes) override {
    counting_.write(bytes);
    std::this_thread::sleep_for(kTime);
  }
  Response finish() override { return counting_.finish(); }

 private:
  CountingSink counting_;
};

/// A client that says exactly what it is told to.
class Client {
 public:
  explicit Client(const std::string& url) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    const timeval patience{.tv_sec = 10, .tv_usec = 0};
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<std::uint16_t>(std::stoi(url.substr(url.rfind(':') + 1))));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(socket_.get(), reinterpret_cast<sockaddr*>(&to), sizeof to) == 0;
  }

  [[nodiscard]] bool connected() const { return connected_; }

  /// Whether the server lets him have his say.
  bool say(std::string_view text) {
    while (!text.empty()) {
      const auto sent = ::send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      text.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  void say_no_more() { ::shutdown(socket_.get(), SHUT_WR); }

  /// Goes without a good-bye.
  void reset() {
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    socket_ = UniqueFd();
  }

  /// What comes next, as soon as it ends in `end`; all that comes if it never does.
  std::string hear(std::string_view end) {
    std::string heard;
    char piece[65536];
    while (!heard.ends_with(end) || heard.empty()) {
      const auto size = ::recv(socket_.get(), piece, sizeof piece, 0);
      if (size <= 0) break;
      heard.append(piece, static_cast<std::size_t>(size));
    }
    return heard;
  }

  std::string hear_all() { return hear("\xff no answer ends like this"); }

 private:
  UniqueFd socket_;
  bool connected_ = false;
};

class ServerTest : public testing::Test {
 protected:
  void SetUp() override { std::signal(SIGPIPE, SIG_IGN); }

  void TearDown() override { stop(); }

  void start(ServerLimits limits = {}, FileRoute route = FileRoute::memory) {
    server_.emplace(
        router_, [](const Request&) { return Caller::local_admin(); }, observer_,
        ServerOptions{.host = "127.0.0.1",
                      .port = 0,
                      .workers = 2,
                      .loopback_route = route,
                      .limits = limits});
    thread_ = std::thread([this] { server_->run(); });
  }

  void stop() {
    if (!thread_.joinable()) return;
    server_->stop();
    thread_.join();
  }

  /// Destroys it, and with it whatever was cut off.
  void server_gone() { server_.reset(); }

  Client connect() { return Client(server_->url()); }

  std::string answer(const std::string& request) {
    auto client = connect();
    client.say(request);
    return client.hear_all();
  }

  /// Until the sinks have got more bytes than that.
  void wait_for_data_after(std::uint64_t received) const {
    const auto deadline = std::chrono::steady_clock::now() + 10s;
    while (uploads_.received <= received) {
      ASSERT_LT(std::chrono::steady_clock::now(), deadline);
      std::this_thread::yield();
    }
  }

  static std::string pattern() {
    std::string bytes(3'000'000, '\0');
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 7 + i / 4096);
    return bytes;
  }

  Uploads uploads_;
  Recorder observer_;

 private:
  static Response slice(bool with_fd, std::uint64_t offset) {
    auto reader = std::make_unique<MemoryReader>(pattern(), with_fd);
    const auto length = reader->size() - offset;
    return {.status = 200, .headers = {}, .body = FileSlice{std::move(reader), offset, length}};
  }

  static Route spoiled(std::string_view pattern, SpoiledReader::Kind kind) {
    return {"GET", pattern, BodyKind::none, Handler([kind](const Request&) {
              return Response{.status = 200,
                              .headers = {},
                              .body = FileSlice{std::make_unique<SpoiledReader>(kind), 0,
                                                SpoiledReader::kSize}};
            })};
  }

  const Router router_{
      {{"GET", "text", BodyKind::none,
        Handler([](const Request&) { return json_response("hello"); })},
       {"POST", "echo", BodyKind::buffered,
        Handler([](const Request& request) { return json_response(request.body); })},
       {"GET", "mapped", BodyKind::none, Handler([](const Request&) { return slice(true, 0); })},
       {"GET", "copied", BodyKind::none, Handler([](const Request&) { return slice(false, 5); })},
       {"GET", "broken", BodyKind::none,
        Handler([](const Request&) -> Response { throw std::runtime_error("unforeseen"); })},
       spoiled("error", SpoiledReader::Kind::error),
       spoiled("short_copied", SpoiledReader::Kind::short_copied),
       spoiled("short_file", SpoiledReader::Kind::short_file),
       spoiled("unreadable_file", SpoiledReader::Kind::unreadable_file),
       {"PUT", "sink", BodyKind::stream,
        SinkHandler([this](const Request&) { return std::make_unique<CountingSink>(uploads_); })},
       {"PUT", "slow", BodyKind::stream,
        SinkHandler([this](const Request&) { return std::make_unique<SlowSink>(uploads_); })},
       {"PUT", "closed", BodyKind::stream,
        SinkHandler(
            [](const Request&) -> std::unique_ptr<BodySink> { throw HttpError(409, "not now"); })}},
      [](const Request&) { return json_response("versions"); }};
  std::optional<Server> server_;
  std::thread thread_;
};

constexpr std::string_view kHost = "Host: glance\r\n";

std::string request(const std::string& line, const std::string& fields = "",
                    const std::string& body = "") {
  return line + " HTTP/1.1\r\n" + std::string(kHost) + fields + "\r\n" + body;
}

TEST_F(ServerTest, KeepsTheConnectionAndAnswersPipelinedRequestsInOrder) {
  start();
  const auto heard = answer(request("GET /v2/text") + request("GET /v2/nope") +
                            request("GET /v2/text", "Connection: close\r\n"));
  const auto missing = heard.find("404 Not Found");
  EXPECT_THAT(heard, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_LT(heard.find("hello"), missing);
  EXPECT_GT(heard.rfind("hello"), missing);
  EXPECT_THAT(heard, HasSubstr("Connection: close\r\n"));
}

TEST_F(ServerTest, EveryAnswerHasARequestId) {
  start();
  EXPECT_THAT(answer(request("GET /v2/text", "Connection: close\r\n")),
              HasSubstr("X-Openstack-Request-Id: req-"));
  EXPECT_THAT(answer(request("GET /v2/text",
                             "Connection: close\r\n"
                             "x-openstack-request-id: mine\r\n")),
              HasSubstr("X-Openstack-Request-Id: req-mine\r\n"));
}

TEST_F(ServerTest, AnswersHeadWithoutABody) {
  start();
  const auto heard = answer(request("HEAD /v2/text", "Connection: close\r\n"));
  EXPECT_THAT(heard, StartsWith("HTTP/1.1 405"));
  EXPECT_THAT(heard, EndsWith("\r\n\r\n"));
}

TEST_F(ServerTest, RefusesAmbiguousHeadsAndCloses) {
  start();
  EXPECT_THAT(answer("GET /v2/text HTTP/1.1\r\n\r\n" + request("GET /v2/text")),
              Not(HasSubstr("hello")));
  EXPECT_THAT(answer(request("POST /v2/echo", "Content-Length: 1\r\nContent-Length: 1\r\n", "x")),
              StartsWith("HTTP/1.1 400"));
}

TEST_F(ServerTest, RefusesHeadsAndBodiesThatAreTooLarge) {
  start({.head_bytes = 1000, .buffered_body_bytes = 1000});
  EXPECT_THAT(answer(request("GET /v2/text", "X: " + std::string(2000, 'x') + "\r\n")),
              StartsWith("HTTP/1.1 431"));
  EXPECT_THAT(answer(request("POST /v2/echo", "Connection: close\r\nContent-Length: 1001\r\n",
                             std::string(1001, 'x'))),
              StartsWith("HTTP/1.1 413"));
  EXPECT_THAT(answer(request("POST /v2/echo", "Transfer-Encoding: chunked\r\n",
                             "3e9\r\n" + std::string(1001, 'x') + "\r\n0\r\n\r\n")),
              StartsWith("HTTP/1.1 413"));
}

TEST_F(ServerTest, ReadsBodiesOfBothKinds) {
  start();
  EXPECT_THAT(
      answer(request("POST /v2/echo", "Connection: close\r\nContent-Length: 5\r\n", "12345")),
      EndsWith("\r\n\r\n12345"));
  EXPECT_THAT(answer(request("POST /v2/echo", "Connection: close\r\nTransfer-Encoding: chunked\r\n",
                             "2\r\n12\r\n3\r\n345\r\n0\r\n\r\n")),
              EndsWith("\r\n\r\n12345"));
}

TEST_F(ServerTest, SkipsTheRestOfASmallRefusedBodyToKeepTheConnection) {
  start({.buffered_body_bytes = 1000});
  const auto heard =
      answer(request("POST /v2/echo", "Content-Length: 1001\r\n", std::string(1001, 'x')) +
             request("GET /v2/text", "Connection: close\r\n"));
  EXPECT_THAT(heard, StartsWith("HTTP/1.1 413"));
  EXPECT_THAT(heard, EndsWith("hello"));
}

TEST_F(ServerTest, ReadsARefusedBodyAsLongAsItComesAndThenIsHeard) {
  start({.linger_time = 300ms});
  for (const auto* framing : {"Content-Length: 4000000\r\n", "Transfer-Encoding: chunked\r\n"}) {
    auto client = connect();
    client.say(request("PUT /v2/closed", framing));
    for (int i = 0; i < 40; ++i) {  // for longer than the server would wait for the next byte
      ASSERT_TRUE(client.say(std::string(100'000, 'x'))) << i;
      std::this_thread::sleep_for(20ms);
    }
    client.say_no_more();
    EXPECT_THAT(client.hear_all(), StartsWith("HTTP/1.1 409")) << framing;
  }
}

TEST_F(ServerTest, ReadsNoMoreOfARefusedBodyThanWasAnnounced) {
  start({.chunked_body_bytes = 1'000'000});
  for (const auto* framing : {"Content-Length: 1000000\r\n", "Transfer-Encoding: chunked\r\n"}) {
    auto client = connect();
    client.say(request("PUT /v2/closed", framing));
    const std::string piece(100'000, 'x');
    int pieces = 0;
    while (pieces < 1000 && client.say(piece)) ++pieces;
    EXPECT_LT(pieces, 1000) << framing;
  }
}

TEST_F(ServerTest, DoesNotWaitForARefusedBodyThatTrickles) {
  start({.linger_time = 200ms});
  auto client = connect();
  client.say(request("PUT /v2/closed", "Content-Length: 4000000\r\n"));
  int bytes = 0;
  while (bytes < 1000 && client.say("x")) {
    ++bytes;
    std::this_thread::sleep_for(10ms);
  }
  EXPECT_LT(bytes, 1000);
}

TEST_F(ServerTest, InvitesABodyOnlyWhereItIsWelcome) {
  start();
  const std::string fields = "Expect: 100-continue\r\nContent-Length: 5\r\n";
  auto client = connect();
  client.say(request("PUT /v2/sink", fields));
  EXPECT_EQ(client.hear("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  client.say("12345");
  EXPECT_THAT(client.hear("\r\n\r\n"), StartsWith("HTTP/1.1 204"));
  EXPECT_THAT(answer(request("PUT /v2/closed", fields)), StartsWith("HTTP/1.1 409"));
}

TEST_F(ServerTest, StreamsUploads) {
  start();
  const auto bytes = pattern();
  const auto length = "Content-Length: " + std::to_string(bytes.size()) + "\r\n";
  EXPECT_THAT(answer(request("PUT /v2/sink", "Connection: close\r\n" + length, bytes)),
              StartsWith("HTTP/1.1 204"));
  EXPECT_EQ(uploads_.received, bytes.size());
  EXPECT_EQ(uploads_.finished, 1);
}

TEST_F(ServerTest, TakesNoMoreOfAFastPeerThanItsBody) {
  start();
  const auto bytes = pattern();
  const auto length = "Content-Length: " + std::to_string(bytes.size()) + "\r\n";
  EXPECT_THAT(
      answer(request("PUT /v2/sink", length, bytes) + request("PUT /v2/sink", length, bytes) +
             request("GET /v2/text", "Connection: close\r\n")),
      EndsWith("hello"));
  EXPECT_EQ(uploads_.received, 2 * bytes.size());
  EXPECT_EQ(uploads_.finished, 2);
}

TEST_F(ServerTest, TakesUploadsBackOfFastPeersThatGo) {
  start();
  const auto begin = request("PUT /v2/sink", "Content-Length: 3000001\r\n", pattern());
  auto client = connect();
  client.say(begin);
  client.say_no_more();
  EXPECT_THAT(client.hear_all(), StartsWith("HTTP/1.1 400"));
  const auto received = uploads_.received.load();
  auto other = connect();
  other.say(begin);
  wait_for_data_after(received);
  other.reset();
  stop();
  EXPECT_EQ(uploads_.taken_back, 2);
  EXPECT_THAT(observer_.records(), ElementsAre("sink 400 invalid", "sink 0 connection_lost"));
}

TEST_F(ServerTest, TakesUploadsBackThatEndEarly) {
  start();
  auto client = connect();
  client.say(request("PUT /v2/sink", "Content-Length: 100\r\n", "only this"));
  client.say_no_more();
  EXPECT_THAT(client.hear_all(), StartsWith("HTTP/1.1 400"));
  EXPECT_EQ(uploads_.taken_back, 1);
  EXPECT_THAT(
      answer(request("PUT /v2/sink", "Transfer-Encoding: chunked\r\n", "3\r\nabc\r\nzz\r\n")),
      StartsWith("HTTP/1.1 400"));
  EXPECT_EQ(uploads_.taken_back, 2);
  EXPECT_EQ(uploads_.finished, 0);
}

TEST_F(ServerTest, LetsAClientReadTheRefusalOfALargeUpload) {
  start();
  const std::string bytes(20'000'000, 'x');  // NOLINT(bugprone-string-constructor)
  EXPECT_THAT(answer(request("PUT /v2/closed", "Content-Length: 20000000\r\n", bytes)),
              StartsWith("HTTP/1.1 409"));
}

/// Data of files, by both ways.
class FileRouteTest : public ServerTest, public testing::WithParamInterface<FileRoute> {};

INSTANTIATE_TEST_SUITE_P(Ways, FileRouteTest,
                         testing::Values(FileRoute::sendfile, FileRoute::memory));

TEST_P(FileRouteTest, SendsFilesWithAndWithoutADescriptor) {
  start({}, GetParam());
  const auto close = "Connection: close\r\n";
  EXPECT_TRUE(answer(request("GET /v2/mapped", close)).ends_with("\r\n\r\n" + pattern()));
  EXPECT_TRUE(answer(request("GET /v2/copied", close)).ends_with("\r\n\r\n" + pattern().substr(5)));
}

TEST_P(FileRouteTest, TellsDataThatCannotBeReadFromClientsThatWentAway) {
  start({}, GetParam());
  for (const std::string route : {"error", "short_copied", "short_file", "unreadable_file"}) {
    const auto heard = answer(request("GET /v2/" + route));
    EXPECT_THAT(heard, StartsWith("HTTP/1.1 200"));
    EXPECT_LT(heard.size(), SpoiledReader::kSize);
  }
  stop();
  EXPECT_THAT(observer_.records(),
              UnorderedElementsAre("error 200 io", "short_copied 200 corrupt",
                                   "short_file 200 corrupt", "unreadable_file 200 io"));
}

TEST_F(ServerTest, TellsOfARequestOnceAlsoIfItsBodyNeverComes) {
  start();
  {
    auto client = connect();
    client.say(request("PUT /v2/closed", "Content-Length: 5\r\n"));
    EXPECT_THAT(client.hear("not now\n\n   "), HasSubstr(" 409 "));
  }
  stop();
  EXPECT_THAT(observer_.records(), ElementsAre("closed 409 conflict"));
}

TEST_F(ServerTest, SurvivesClientsThatStopListening) {
  start();
  for (int i = 0; i < 10; ++i) {
    auto client = connect();
    client.say(request(i % 2 == 0 ? "GET /v2/mapped" : "GET /v2/copied"));
  }
  EXPECT_THAT(answer(request("GET /v2/text", "Connection: close\r\n")), EndsWith("hello"));
}

TEST_F(ServerTest, AnswersAnythingUnforeseenWith500) {
  start();
  const auto heard = answer(request("GET /v2/broken", "Connection: close\r\n"));
  EXPECT_THAT(heard, StartsWith("HTTP/1.1 500"));
  EXPECT_THAT(heard, Not(HasSubstr("unforeseen")));
}

TEST_F(ServerTest, WaitsForAHeadOnlySoLong) {
  start({.head_time = 100ms});
  EXPECT_EQ(answer(""), "");
  EXPECT_THAT(answer("GET /v2/te"), StartsWith("HTTP/1.1 408"));
}

TEST_F(ServerTest, WaitsForABodyOnlySoLong) {
  start({.body_window = 100ms});
  EXPECT_THAT(answer(request("PUT /v2/sink", "Content-Length: 5\r\n", "12")),
              StartsWith("HTTP/1.1 408"));
  stop();
  EXPECT_EQ(uploads_.taken_back, 1);
}

TEST_F(ServerTest, TakesOnlySoManyConnections) {
  start({.connections = 1});
  auto first = connect();
  first.say(request("GET /v2/text"));
  EXPECT_THAT(first.hear("hello"), EndsWith("hello"));
  EXPECT_THAT(answer(""), StartsWith("HTTP/1.1 503"));
}

TEST_F(ServerTest, StopsAtOnceWhenNoRequestRuns) {
  start();
  auto client = connect();
  client.say(request("GET /v2/text"));
  EXPECT_THAT(client.hear("hello"), EndsWith("hello"));
  const auto before = std::chrono::steady_clock::now();
  stop();
  EXPECT_LT(std::chrono::steady_clock::now() - before, 5s);
  EXPECT_EQ(client.hear_all(), "");
}

TEST_F(ServerTest, LetsRunningRequestsFinishBeforeItStops) {
  start();
  auto client = connect();
  client.say(request("PUT /v2/sink", "Expect: 100-continue\r\nContent-Length: 5\r\n"));
  EXPECT_THAT(client.hear("\r\n\r\n"), HasSubstr("100 Continue"));
  std::thread stopping([this] { stop(); });
  std::this_thread::sleep_for(100ms);
  const auto refused = answer(request("GET /v2/text"));
  EXPECT_THAT(refused, StartsWith("HTTP/1.1 503"));
  EXPECT_THAT(refused, HasSubstr("Retry-After: "));
  EXPECT_THAT(refused, HasSubstr("Connection: close\r\n"));
  client.say("12345");
  const auto heard = client.hear_all();
  EXPECT_THAT(heard, StartsWith("HTTP/1.1 204"));
  EXPECT_THAT(heard, HasSubstr("Connection: close"));
  stopping.join();
  EXPECT_EQ(uploads_.finished, 1);
}

TEST_F(ServerTest, CutsOffRequestsThatDoNotFinish) {
  start({.stop_time = 100ms});
  auto client = connect();
  client.say(request("PUT /v2/sink", "Expect: 100-continue\r\nContent-Length: 5\r\n"));
  EXPECT_THAT(client.hear("\r\n\r\n"), HasSubstr("100 Continue"));
  stop();
  server_gone();
  EXPECT_EQ(uploads_.taken_back, 1);
  EXPECT_THAT(observer_.records(), ElementsAre("sink 0 connection_lost"));
}

TEST_F(ServerTest, CutsOffRequestsWhosePoolIsStuck) {
  start({.stop_time = 100ms});
  auto client = connect();
  client.say(request("PUT /v2/slow", "Content-Length: 3000001\r\n", pattern()));
  wait_for_data_after(0);
  stop();
  server_gone();
  EXPECT_EQ(uploads_.taken_back, 1);
  EXPECT_THAT(observer_.records(), ElementsAre("slow 0 connection_lost"));
  EXPECT_EQ(client.hear_all(), "");
}

}  // namespace
}  // namespace glance::api
