// SPDX-License-Identifier: Apache-2.0
#include "api-bridge/server.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>
#include <optional>
#include <span>
#include <stdexcept>
#include <string_view>
#include <thread>
#include <tuple>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/sendfile.h>

#include "api-bridge/head_check.h"
#include "api-bridge/http_error.h"
#include "api-bridge/response_head.h"
#include "catalog/sync.h"

namespace glance::api {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::awaitable;
using asio::ip::tcp;
using boost::system::error_code;
using Clock = std::chrono::steady_clock;
using Parser = http::request_parser<http::buffer_body>;

constexpr auto kAsTuple = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t kReadSize = std::size_t{64} * 1024;  // one read from the network
// They wait for disks and locks rather than compute: as many as there are, readers must not queue
// behind writers that wait for SQLite's one writer.
constexpr std::size_t kPoolThreads = 64;
constexpr std::size_t kMaxUnparsed = std::size_t{256} * 1024;        // of a head or a chunk's line
constexpr std::size_t kPieceSize = std::size_t{1024} * 1024;         // one write to a sink
constexpr std::size_t kSendfileSize = std::size_t{4} * 1024 * 1024;  // one stay on the pool
constexpr std::size_t kDrainSize = std::size_t{256} * 1024 * 1024;
constexpr std::size_t kMaxRequestId = 64;  // Glance's max_request_id_length

/// The peer went away, or took too long. There is nobody left to answer.
class ConnectionLost : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

std::string address_text(const tcp::endpoint& endpoint) {
  const auto address = endpoint.address();
  const std::string_view open = address.is_v6() ? "[" : "";
  const std::string_view close = address.is_v6() ? "]" : "";
  return fmt::format("{}{}{}:{}", open, address.to_string(), close, endpoint.port());
}

[[noreturn]] void refuse_short_body() {
  throw HttpError(400, "The request ended before its body did.");
}

class Connection;

/// What all connections have in common.
struct Common {
  const Router& router;
  const Identify identify;
  const ServerLimits limits;
  asio::thread_pool& pool;  // for whatever may block
  std::atomic<bool> stopping = false;

  Mutex mutex;  // leaf: see the lock order in sync.h
  std::unordered_map<const Connection*, std::weak_ptr<Connection>> connections GUARDED_BY(mutex);
  std::function<void()> on_last_gone GUARDED_BY(mutex);  // while stopping; empty once stopped
};

/// One request, from its head's last byte to its answer's.
struct Exchange {
  Parser parser;
  Request request;
  bool is_http_1_1 = true;
  bool keep_alive = false;
  bool expects_continue = false;
  std::uint64_t received = 0;  // bytes of the body
  std::uint64_t unread = 0;    // bytes of a body of announced length
  const Clock::time_point start = Clock::now();

  [[nodiscard]] bool is_body_done() const {
    return request.is_chunked ? parser.is_done() : unread == 0;
  }
};

/// One line for every request. Its body's bytes are counted, and the answer's.
void log_access(const Exchange& exchange, std::string_view outcome, std::uint64_t sent) {
  const auto& request = exchange.request;
  const auto or_dash = [](const std::string& text) {
    return text.empty() ? std::string("-") : printable(text);
  };
  const std::chrono::duration<double, std::milli> time = Clock::now() - exchange.start;
  spdlog::info("{} {} {} in={} out={} {:.1f}ms {}", or_dash(request.method),
               or_dash(request.target), outcome, exchange.received, sent, time.count(),
               or_dash(request.request_id));
}

/// One client's connection. Everything in it runs on the socket's strand, but what on_pool() takes
/// elsewhere while the strand's coroutine waits.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(Common& common, tcp::socket socket)
      : common_(common), socket_(std::move(socket)), timer_(socket_.get_executor()) {}
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Serves requests until either side has had enough.
  static awaitable<void> run(std::shared_ptr<Connection> self);

  /// Closes the connection unless a request is being served. Safe to call from any thread.
  void close_if_idle();

 private:
  awaitable<std::size_t> read_head();
  awaitable<bool> serve(std::size_t head_size);
  awaitable<bool> exchange_with_peer(std::size_t head_size, Exchange& exchange);
  [[nodiscard]] std::optional<Response> parse_head(std::size_t size, Exchange& exchange);
  void fill_request(Exchange& exchange);
  awaitable<Response> answer(Exchange& exchange);
  awaitable<Response> handle(const Route& route, Exchange& exchange);

  awaitable<std::string> read_whole_body(Exchange& exchange);
  awaitable<Response> receive(const SinkHandler& make_sink, Exchange& exchange);
  awaitable<Response> pump(BodySink& sink, Exchange& exchange);
  awaitable<std::size_t> read_piece(Exchange& exchange, std::span<std::byte> piece);
  awaitable<std::size_t> read_chunks(Parser& parser, std::span<std::byte> piece);
  awaitable<void> read_plain(std::span<std::byte> piece);
  awaitable<void> send_continue(Exchange& exchange);

  awaitable<void> send(const Exchange& exchange, const Response& response);
  awaitable<void> write(std::string_view bytes);
  awaitable<void> send_slice(const FileSlice& slice);
  awaitable<void> send_copied(const FileSlice& slice);
  awaitable<void> drain();

  template <typename Work>
  awaitable<std::invoke_result_t<Work>> on_pool(Work work);

  void arm(std::chrono::milliseconds time);
  void disarm() noexcept { deadline_ = Clock::time_point::max(); }
  void wait_for_deadline();
  void close() noexcept;

  Common& common_;
  tcp::socket socket_;
  // Read, but not understood yet. Bounded, because Beast looks for the end of a chunk's extension
  // or of a trailer however far it is.
  beast::flat_buffer buffer_{kMaxUnparsed};
  bool idle_ = false;
  bool first_ = true;
  asio::steady_timer timer_;
  bool timer_waits_ = false;
  Clock::time_point deadline_ = Clock::time_point::max();
};

Connection::~Connection() {
  MutexLock lock(common_.mutex);
  common_.connections.erase(this);
  const bool last = common_.connections.empty() && common_.stopping;
  if (last && common_.on_last_gone) common_.on_last_gone();
}

// ── deadlines ─────────────────────────────────────────────────────────────────────────────────

void Connection::close() noexcept {
  error_code ignored;
  std::ignore = socket_.close(ignored);
}

/// From now on the connection has that long to make progress. Later deadlines cost nothing: one
/// wait on the timer serves many of them.
void Connection::arm(std::chrono::milliseconds time) {
  deadline_ = Clock::now() + time;
  if (!timer_waits_ || timer_.expiry() > deadline_) wait_for_deadline();
}

void Connection::wait_for_deadline() {
  timer_waits_ = true;
  timer_.expires_at(deadline_);
  timer_.async_wait([self = shared_from_this()](error_code error) {
    if (error) return;  // an earlier deadline took this one's place, or the connection ended
    self->timer_waits_ = false;
    if (self->deadline_ == Clock::time_point::max()) return;
    if (Clock::now() >= self->deadline_) {
      self->close();
    } else {
      self->wait_for_deadline();
    }
  });
}

void Connection::close_if_idle() {
  asio::post(socket_.get_executor(), [self = shared_from_this()] {
    if (self->idle_) self->close();
  });
}

template <typename Work>
awaitable<std::invoke_result_t<Work>> Connection::on_pool(Work work) {
  using Result = std::invoke_result_t<Work>;
  disarm();
  auto job = [&work]() -> awaitable<Result> { co_return work(); };
  co_return co_await asio::co_spawn(common_.pool, std::move(job), asio::use_awaitable);
}

// ── requests ──────────────────────────────────────────────────────────────────────────────────

awaitable<void> Connection::run(std::shared_ptr<Connection> self) {
  try {
    for (bool keep = true; keep && !self->common_.stopping;) {
      const auto head_size = co_await self->read_head();
      if (head_size == 0) break;
      keep = co_await self->serve(head_size);
    }
  } catch (const ConnectionLost& lost) {
    spdlog::debug("connection lost: {}", lost.what());
  } catch (const std::exception& error) {
    spdlog::error("connection failed: {}", printable(error.what()));
  }
  self->close();
  self->disarm();
  self->timer_.cancel();
}

/// The size of the next head in the buffer, its empty line included, or of as much as there is
/// once that is too much; 0 if the peer has closed.
awaitable<std::size_t> Connection::read_head() {
  arm(first_ || buffer_.size() > 0 ? common_.limits.head_time : common_.limits.idle_time);
  first_ = false;
  for (;;) {
    const std::string_view text(static_cast<const char*>(buffer_.data().data()), buffer_.size());
    if (text.starts_with("\r\n")) {  // RFC 9112 § 2.2: left behind by a careless client
      buffer_.consume(2);
      continue;
    }
    const auto end = text.find("\r\n\r\n");
    if (end != std::string_view::npos) co_return end + 4;
    if (text.size() > common_.limits.head_bytes) co_return text.size();

    const bool was_idle = text.empty();
    idle_ = was_idle;
    const auto [error, size] =
        co_await socket_.async_read_some(buffer_.prepare(kReadSize), kAsTuple);
    idle_ = false;
    if (error) co_return 0;
    buffer_.commit(size);
    if (was_idle) arm(common_.limits.head_time);
  }
}

/// Answers one request; returns whether the connection stays open for another.
awaitable<bool> Connection::serve(std::size_t head_size) {
  Exchange exchange;
  try {
    co_return co_await exchange_with_peer(head_size, exchange);
  } catch (const ConnectionLost& lost) {
    log_access(exchange, "lost", 0);
    throw;
  }
}

awaitable<bool> Connection::exchange_with_peer(std::size_t head_size, Exchange& exchange) {
  Response response;
  auto refusal = parse_head(head_size, exchange);
  if (refusal) {
    response = std::move(*refusal);
  } else {
    response = co_await answer(exchange);
  }
  const auto& id = exchange.request.request_id;
  if (!id.empty()) response.headers.emplace_back("X-Openstack-Request-Id", id);

  const bool body_left = refusal || !exchange.is_body_done();
  exchange.keep_alive = exchange.keep_alive && !body_left && !common_.stopping;
  co_await send(exchange, response);
  log_access(exchange, fmt::format("{}", response.status), body_size(response));
  if (body_left) co_await drain();
  co_return exchange.keep_alive;
}

/// Reads the head into `exchange`, or says why not.
std::optional<Response> Connection::parse_head(std::size_t size, Exchange& exchange) {
  const std::string_view head(static_cast<const char*>(buffer_.data().data()), size);
  auto& request = exchange.request;
  try {
    if (size > common_.limits.head_bytes) throw HttpError(431, "The request's head is too large.");
    if (const auto fault = head_fault(head)) throw HttpError(400, std::string(*fault));
    error_code error;
    exchange.parser.body_limit(boost::none);
    exchange.parser.header_limit(static_cast<std::uint32_t>(size));
    exchange.parser.put(asio::buffer(head), error);
    if (error || !exchange.parser.is_header_done()) {
      throw HttpError(400, "The request's head is malformed.");
    }
    buffer_.consume(size);
    fill_request(exchange);
    return std::nullopt;
  } catch (...) {
    return failure_response(std::current_exception(), request);
  }
}

void Connection::fill_request(Exchange& exchange) {
  const auto& message = exchange.parser.get();
  auto& request = exchange.request;
  request.method = std::string(message.method_string());
  request.target = std::string(message.target());
  for (const auto& field : message) {
    request.headers.emplace_back(field.name_string(), field.value());
  }
  if (const auto length = exchange.parser.content_length()) request.content_length = *length;
  exchange.unread = request.content_length.value_or(0);
  request.is_chunked = exchange.parser.chunked();
  exchange.is_http_1_1 = message.version() == 11;
  exchange.keep_alive = message.keep_alive();

  const auto given_id = request.header("X-Openstack-Request-Id").value_or("");
  if (given_id.size() > kMaxRequestId) throw HttpError(431, "The request id is too long.");
  request.request_id = given_id.starts_with("req-")
                           ? std::string(given_id)
                           : fmt::format("req-{}", given_id.empty() ? ImageId::random().text()
                                                                    : std::string(given_id));
  const auto host = request.header("Host").value_or("");
  error_code ignored;
  request.base_url =
      fmt::format("http://{}",
                  host.empty() ? address_text(socket_.local_endpoint(ignored)) : std::string(host));

  auto target = parse_target(request.target);
  if (!target) throw HttpError(400, "The request's target is malformed.");
  request.path = std::move(target->path);
  request.query = std::move(target->query);

  const auto expectation = request.header("Expect");
  if (!expectation || !exchange.is_http_1_1) return;
  if (!equal_ignoring_case(*expectation, "100-continue")) {
    throw HttpError(417, "The only expectation understood is 100-continue.");
  }
  exchange.expects_continue = true;
}

/// The handler's answer, or the one to its failure. Throws ConnectionLost only.
awaitable<Response> Connection::answer(Exchange& exchange) {
  std::exception_ptr failure;
  try {
    auto match = common_.router.match(exchange.request);
    if (auto* ready = std::get_if<Response>(&match)) co_return std::move(*ready);
    co_return co_await handle(*std::get<const Route*>(match), exchange);
  } catch (const ConnectionLost&) {
    throw;
  } catch (...) {
    failure = std::current_exception();
  }
  co_return failure_response(failure, exchange.request);
}

awaitable<Response> Connection::handle(const Route& route, Exchange& exchange) {
  auto& request = exchange.request;
  if (const auto* make_sink = std::get_if<SinkHandler>(&route.handler)) {
    co_return co_await receive(*make_sink, exchange);
  }
  if (route.body == BodyKind::buffered) request.body = co_await read_whole_body(exchange);
  const auto& handler = std::get<Handler>(route.handler);
  co_return co_await on_pool([&] {
    request.caller = common_.identify(request);
    return handler(request);
  });
}

// ── request bodies ────────────────────────────────────────────────────────────────────────────

awaitable<void> Connection::send_continue(Exchange& exchange) {
  if (!exchange.expects_continue || exchange.is_body_done()) co_return;
  exchange.expects_continue = false;
  co_await write("HTTP/1.1 100 Continue\r\n\r\n");
}

awaitable<std::string> Connection::read_whole_body(Exchange& exchange) {
  const auto limit = common_.limits.buffered_body_bytes;
  const auto announced = exchange.request.content_length.value_or(0);
  if (announced > limit) throw HttpError(413, "The request's body is too large.");
  co_await send_continue(exchange);
  std::string body;
  while (!exchange.is_body_done()) {
    const auto old_size = body.size();
    body.resize(std::min(limit + 1, std::max<std::size_t>(announced, 2 * old_size + 4096)));
    const auto size =
        co_await read_piece(exchange, std::as_writable_bytes(std::span(body).subspan(old_size)));
    body.resize(old_size + size);
    if (body.size() > limit) throw HttpError(413, "The request's body is too large.");
  }
  co_return body;
}

awaitable<Response> Connection::receive(const SinkHandler& make_sink, Exchange& exchange) {
  auto& request = exchange.request;
  auto sink = co_await on_pool([&] {
    request.caller = common_.identify(request);
    return make_sink(request);
  });
  Response response;
  std::exception_ptr failure;
  try {
    co_await send_continue(exchange);
    response = co_await pump(*sink, exchange);
  } catch (...) {
    failure = std::current_exception();
  }
  // Whatever was begun is taken back before the client hears of it: it may try again at once.
  co_await on_pool([&] { sink.reset(); });
  if (failure) std::rethrow_exception(failure);
  co_return response;
}

awaitable<Response> Connection::pump(BodySink& sink, Exchange& exchange) {
  std::vector<std::byte> piece(kPieceSize);
  while (!exchange.is_body_done()) {
    const auto size = co_await read_piece(exchange, piece);
    if (size == 0) continue;
    co_await on_pool([&] { sink.write(std::span(piece).first(size)); });
  }
  co_return co_await on_pool([&] { return sink.finish(); });
}

/// Fills `piece` with the body's next bytes; returns fewer only at the body's end.
awaitable<std::size_t> Connection::read_piece(Exchange& exchange, std::span<std::byte> piece) {
  std::size_t size = 0;
  if (exchange.request.is_chunked) {
    size = co_await read_chunks(exchange.parser, piece);
  } else {
    size = std::min<std::uint64_t>(piece.size(), exchange.unread);
    co_await read_plain(piece.first(size));
    exchange.unread -= size;
  }
  exchange.received += size;
  co_return size;
}

awaitable<std::size_t> Connection::read_chunks(Parser& parser, std::span<std::byte> piece) {
  auto& body = parser.get().body();
  body.data = piece.data();
  body.size = piece.size();
  while (!parser.is_done() && body.size > 0) {
    arm(common_.limits.progress_time);
    const auto [error, consumed] =
        co_await http::async_read_some(socket_, buffer_, parser, kAsTuple);
    if (error == http::error::need_buffer) break;
    if (error == http::error::partial_message || error == http::error::end_of_stream) {
      refuse_short_body();
    }
    if (error.category() == make_error_code(http::error::bad_chunk).category()) {
      throw HttpError(400, "The request's body is malformed.");
    }
    if (error) throw ConnectionLost(error.message());
  }
  co_return piece.size() - body.size;
}

/// Fills `piece` with bytes as they come, past Beast: one copy and many wakeups less.
awaitable<void> Connection::read_plain(std::span<std::byte> piece) {
  const auto buffered = std::min(piece.size(), buffer_.size());
  std::memcpy(piece.data(), buffer_.data().data(), buffered);
  buffer_.consume(buffered);
  piece = piece.subspan(buffered);
  while (!piece.empty()) {
    arm(common_.limits.progress_time);
    const auto [error, size] =
        co_await socket_.async_read_some(asio::buffer(piece.data(), piece.size()), kAsTuple);
    if (error == asio::error::eof) refuse_short_body();
    if (error) throw ConnectionLost(error.message());
    piece = piece.subspan(size);
  }
}

// ── responses ─────────────────────────────────────────────────────────────────────────────────

awaitable<void> Connection::send(const Exchange& exchange, const Response& response) {
  auto text = response_head(response, {.is_http_1_1 = exchange.is_http_1_1,
                                       .keep_alive = exchange.keep_alive,
                                       .now = std::time(nullptr)});
  const bool has_body = exchange.request.method != "HEAD" && !is_bodyless(response.status);
  const auto* slice = std::get_if<FileSlice>(&response.body);
  if (has_body && slice == nullptr) text += std::get<std::string>(response.body);
  co_await write(text);
  if (has_body && slice != nullptr) co_await send_slice(*slice);
  disarm();
}

awaitable<void> Connection::write(std::string_view bytes) {
  while (!bytes.empty()) {
    arm(common_.limits.progress_time);
    const auto [error, size] = co_await socket_.async_write_some(asio::buffer(bytes), kAsTuple);
    if (error) throw ConnectionLost(error.message());
    bytes.remove_prefix(size);
  }
}

/// sendfile(2) until the socket takes no more, but not for ever: others need the thread too.
/// Returns 0, EAGAIN when the socket is full, or another errno.
int sendfile_some(int socket, int file, off_t& offset, std::uint64_t& left) {
  for (std::size_t sent_here = 0; left > 0 && sent_here < kSendfileSize;) {
    const auto sent =
        ::sendfile(socket, file, &offset, std::min(left, std::uint64_t{kReadSize} * 16));
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return errno;
    if (sent == 0) return ENODATA;  // the file is shorter than its reader said
    left -= static_cast<std::uint64_t>(sent);
    sent_here += static_cast<std::size_t>(sent);
  }
  return 0;
}

awaitable<void> Connection::send_slice(const FileSlice& slice) {
  if (slice.reader->fd() < 0) {
    co_await send_copied(slice);
    co_return;
  }
  socket_.native_non_blocking(true);
  auto offset = static_cast<off_t>(slice.offset);
  auto left = slice.length;
  while (left > 0) {
    // On the pool, because reading a file that is not in memory blocks.
    const int error = co_await on_pool(
        [&] { return sendfile_some(socket_.native_handle(), slice.reader->fd(), offset, left); });
    if (error == 0) continue;
    if (error != EAGAIN) throw ConnectionLost(std::strerror(error));
    arm(common_.limits.progress_time);
    const auto [failed] = co_await socket_.async_wait(tcp::socket::wait_write, kAsTuple);
    if (failed) throw ConnectionLost(failed.message());
  }
}

awaitable<void> Connection::send_copied(const FileSlice& slice) {
  std::string piece;
  for (std::uint64_t done = 0; done < slice.length; done += piece.size()) {
    piece.resize(std::min<std::uint64_t>(kPieceSize, slice.length - done));
    const auto size = co_await on_pool([&] {
      return slice.reader->read(slice.offset + done, std::as_writable_bytes(std::span(piece)));
    });
    if (size == 0) throw ConnectionLost("the image's data ended early");
    piece.resize(size);
    co_await write(piece);
  }
}

/// Reads on for a while after an answer that came before the request's end: closing at once
/// would make the kernel reset the connection, and the client lose the answer.
awaitable<void> Connection::drain() {
  error_code ignored;
  std::ignore = socket_.shutdown(tcp::socket::shutdown_send, ignored);
  arm(common_.limits.drain_time);
  std::vector<char> scratch(kReadSize);
  for (std::size_t total = 0; total < kDrainSize;) {
    const auto [error, size] = co_await socket_.async_read_some(asio::buffer(scratch), kAsTuple);
    if (error) break;
    total += size;
  }
}

}  // namespace

// ── the server ────────────────────────────────────────────────────────────────────────────────

class Server::Impl {
 public:
  Impl(const Router& router, Identify identify, const ServerOptions& options)
      : workers_(options.workers > 0 ? options.workers
                                     : std::max(1U, std::thread::hardware_concurrency())),
        common_{.router = router,
                .identify = std::move(identify),
                .limits = options.limits,
                .pool = pool_,
                .mutex = {},
                .connections = {},
                .on_last_gone = [this] { asio::post(control_, [this] { finish(); }); }},
        io_(static_cast<int>(workers_)),
        control_(asio::make_strand(io_)),
        acceptor_(control_),
        signals_(control_, SIGTERM, SIGINT),
        stop_timer_(control_),
        pool_(kPoolThreads) {
    listen(options);
  }

  void run();
  void stop() {
    asio::post(control_, [this] { begin_stop(); });
  }

  [[nodiscard]] const std::string& address() const noexcept { return address_; }
  [[nodiscard]] bool is_loopback() const noexcept { return loopback_; }

 private:
  void listen(const ServerOptions& options);
  awaitable<void> accept();
  void start(tcp::socket socket);
  void wait_for_signal();
  void begin_stop();
  void finish();

  // The order matters when requests are cut off: the pool's jobs end first, then the connections'
  // coroutines go with io_, and they look at common_ to the last.
  const unsigned workers_;
  Common common_;
  asio::io_context io_;
  asio::strand<asio::io_context::executor_type> control_;  // accepting and stopping
  tcp::acceptor acceptor_;
  asio::signal_set signals_;
  asio::steady_timer stop_timer_;
  std::string address_;
  bool loopback_ = false;
  asio::thread_pool pool_;
};

void Server::Impl::listen(const ServerOptions& options) {
  try {
    tcp::resolver resolver(io_);
    const auto found = resolver.resolve(options.host, std::to_string(options.port),
                                        tcp::resolver::passive | tcp::resolver::numeric_service);
    const auto endpoint = found.begin()->endpoint();
    acceptor_.open(endpoint.protocol());
    acceptor_.set_option(tcp::acceptor::reuse_address(true));
    acceptor_.bind(endpoint);
    acceptor_.listen();
    address_ = address_text(acceptor_.local_endpoint());
    loopback_ = endpoint.address().is_loopback();
  } catch (const boost::system::system_error& error) {
    throw std::runtime_error(fmt::format("cannot listen on {}:{}: {}", options.host, options.port,
                                         error.code().message()));
  }
}

void Server::Impl::run() {
  asio::co_spawn(control_, accept(), asio::detached);
  wait_for_signal();
  std::vector<std::jthread> threads;
  for (unsigned i = 1; i < workers_; ++i) threads.emplace_back([this] { io_.run(); });
  io_.run();
  threads.clear();
  pool_.stop();
  pool_.join();
  MutexLock lock(common_.mutex);
  common_.on_last_gone = nullptr;
}

awaitable<void> Server::Impl::accept() {
  while (acceptor_.is_open()) {
    auto [error, socket] =
        co_await acceptor_.async_accept(asio::any_io_executor(asio::make_strand(io_)), kAsTuple);
    if (error == asio::error::operation_aborted) co_return;
    if (error) {
      // Out of descriptors, most likely: some connections must end first.
      spdlog::warn("cannot accept a connection: {}", error.message());
      asio::steady_timer pause(control_, std::chrono::milliseconds(100));
      co_await pause.async_wait(kAsTuple);
      continue;
    }
    start(std::move(socket));
  }
}

void Server::Impl::start(tcp::socket socket) {
  error_code ignored;
  std::ignore = socket.set_option(tcp::no_delay(true), ignored);
  const auto executor = socket.get_executor();
  const auto connection = std::make_shared<Connection>(common_, std::move(socket));
  {
    MutexLock lock(common_.mutex);
    if (common_.connections.size() >= common_.limits.connections) {
      spdlog::warn("refused a connection: there are {} already", common_.connections.size());
      // The lock is let go before `connection` is destroyed, which takes it.
      return;
    }
    common_.connections.emplace(connection.get(), connection);
  }
  asio::co_spawn(executor, Connection::run(connection), asio::detached);
}

void Server::Impl::wait_for_signal() {
  signals_.async_wait([this](error_code error, int signal) {
    if (error) return;
    spdlog::info("signal {}: stopping", signal);
    begin_stop();
    wait_for_signal();
  });
}

void Server::Impl::begin_stop() {
  if (common_.stopping.exchange(true)) {
    io_.stop();
    return;
  }
  error_code ignored;
  std::ignore = acceptor_.close(ignored);
  stop_timer_.expires_after(common_.limits.stop_time);
  stop_timer_.async_wait([this](error_code error) {
    if (error) return;
    spdlog::warn("some requests did not finish in time: cutting them off");
    io_.stop();
  });
  std::vector<std::shared_ptr<Connection>> open;
  {
    MutexLock lock(common_.mutex);
    for (const auto& [key, connection] : common_.connections) {
      if (auto alive = connection.lock()) open.push_back(std::move(alive));
    }
    if (common_.connections.empty()) asio::post(control_, [this] { finish(); });
  }
  for (const auto& connection : open) connection->close_if_idle();
}

/// Takes away what still keeps the io_context running, once the last connection is gone.
void Server::Impl::finish() {
  signals_.cancel();
  stop_timer_.cancel();
}

Server::Server(const Router& router, Identify identify, const ServerOptions& options)
    : impl_(std::make_unique<Impl>(router, std::move(identify), options)) {}

Server::~Server() = default;

const std::string& Server::address() const noexcept {
  return impl_->address();
}

bool Server::is_loopback() const noexcept {
  return impl_->is_loopback();
}

void Server::run() {
  impl_->run();
}

void Server::stop() {
  impl_->stop();
}

}  // namespace glance::api
