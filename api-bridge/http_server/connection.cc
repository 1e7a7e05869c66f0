// SPDX-License-Identifier: Apache-2.0
#include "api-bridge/http_server/connection.h"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <exception>
#include <span>
#include <tuple>
#include <utility>
#include <vector>

#include <boost/asio/post.hpp>
#include <spdlog/spdlog.h>

#include "api-bridge/http_server/listener.h"
#include "api-bridge/http_server/request_head.h"
#include "api-bridge/wire/fault.h"
#include "api-bridge/wire/http_error.h"
#include "catalog/text/ascii.h"

namespace glance::api {
namespace {

using Clock = std::chrono::steady_clock;
using Outcome = RequestReader::Outcome;

constexpr std::size_t kPieceSize = std::size_t{512} * 1024;  // one write to a sink
// Room for the begin of a body. More is made as it comes, or clients that announce much and send
// nothing would fill the memory: at most so much more than came before.
constexpr std::size_t kFirstPiece = std::size_t{4} * 1024;
// So much of a refused request's body is read and forgotten, to keep the connection.
constexpr std::uint64_t kMaxSkip = std::uint64_t{64} * 1024;
constexpr auto kRetryWhenStopping = "5";  // seconds
constexpr auto kRetryWhenBusy = "1";
constexpr std::string_view kConnectionLost = "connection_lost";  // as a kind of failure

/// Counts a request as running while it lives.
class Running {
 public:
  explicit Running(Shared& shared) : shared_(shared) { ++shared_.running; }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;
  ~Running() {
    if (--shared_.running == 0 && shared_.stopping && !shared_.over) shared_.on_drained();
  }

 private:
  Shared& shared_;
};

std::string local_address(const tcp::socket& socket) {
  error_code error;
  return address_text(socket.local_endpoint(error));
}

FileRoute route_to(const asio::ip::address& peer, const tcp::socket& socket, const Shared& shared) {
  error_code error;
  const bool is_here = peer.is_loopback() || peer == socket.local_endpoint(error).address();
  return is_here && !error ? shared.loopback_route : FileRoute::sendfile;
}

bool is_reading(const Request& request) {
  return request.method == "GET" || request.method == "HEAD";
}

/// Of the other routes, some read past a body, and some have types of their own, which they look at
/// themselves.
bool must_have_type(const Route& route) {
  return route.body == BodyKind::buffered && (route.method == "POST" || route.method == "PUT");
}

void require_complete(RequestReader::Head head) {
  switch (head.outcome) {
    case Outcome::complete:
    case Outcome::closed:
    case Outcome::too_long:  // parse_request_head() says what of it
      return;
    case Outcome::cut_off:
      throw HttpError(400, "The request ended before its head did.");
    case Outcome::timed_out:
      throw HttpError(408, "The request's head came too slowly.");
  }
}

/// How much of a refused body is read and forgotten, so that the client can send it all before it
/// looks for the answer, as many do.
std::uint64_t most_to_come(const Request& request, const ServerLimits& limits) {
  constexpr std::uint64_t kUnknown = std::uint64_t{16} * 1024 * 1024;  // we could not make it out
  if (request.content_length) return *request.content_length;
  return request.is_chunked ? limits.chunked_body_bytes : kUnknown;
}

bool has_header(const Response& response, std::string_view name) {
  return std::ranges::any_of(
      response.headers, [&](const auto& field) { return equal_ignoring_case(field.first, name); });
}

}  // namespace

/// One request, from its head's last byte to its answer's. The observer is told of it once: when
/// it has ended, or when it is given up, as by a server that waits no longer.
struct Connection::Exchange {
  explicit Exchange(Connection& its_connection) : connection(its_connection) {}
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;
  ~Exchange() { lose(); }

  /// It has ended, with that status on the wire; 0: with none.
  void report(int status) noexcept;

  /// It has ended because the peer has gone.
  void lose() noexcept {
    if (!reported) fault = kConnectionLost;
    report(0);
  }

  Connection& connection;
  RequestHead head;
  bool understood = false;  // the head is sound, so that we know where the body ends
  const Route* route = nullptr;
  int status = 0;  // of the answer that is being sent
  std::string_view fault;
  bool reported = false;
  const Clock::time_point start = Clock::now();
};

Connection::Connection(Shared& shared, tcp::socket socket, const tcp::endpoint& peer,
                       std::shared_ptr<asio::ssl::context> tls)
    : shared_(shared),
      stream_(std::move(socket), std::move(tls)),
      peer_(peer.address().to_string()),
      local_(local_address(stream_.socket())),
      deadline_(std::make_shared<Deadline>(stream_.socket().get_executor(),
                                           [this] { stream_.cancel(); })),
      reader_(stream_, *deadline_, shared.limits),
      sender_(stream_, *deadline_, shared.limits,
              route_to(peer.address(), stream_.socket(), shared), shared.pools.data,
              shared.observer) {
  shared_.observer.connection_opened();
}

Connection::~Connection() {
  deadline_->end();
  shared_.observer.connection_closed();
  MutexLock lock(shared_.mutex);
  shared_.connections.erase(this);
}

void Connection::close() {
  asio::post(stream_.socket().get_executor(),
             [self = shared_from_this()] { self->stream_.close(); });
}

awaitable<void> Connection::run(std::shared_ptr<Connection> self) {
  try {
    co_await self->serve();
    self->deadline_->arm(self->shared_.limits.linger_time);
    co_await self->stream_.finish_writing();
    // Closing at once would make the kernel reset the connection, and the peer lose the answer.
    if (self->to_discard_) co_await self->reader_.discard(*self->to_discard_);
  } catch (const ConnectionLost& lost) {
    spdlog::debug("{}: connection lost: {}", self->peer_, lost.what());
  } catch (const std::exception& error) {
    spdlog::error("{}: connection failed: {}", self->peer_, error.what());
  }
  self->stream_.close();
  self->deadline_->end();
}

awaitable<void> Connection::serve() {
  deadline_->arm(shared_.limits.head_time);
  if (stream_.is_encrypted()) co_await shake_hands();
  for (bool keep = true; keep;) {
    const auto head = co_await reader_.read_head();
    if (head.outcome == Outcome::closed) co_return;
    keep = co_await serve_one(head);
  }
}

awaitable<void> Connection::shake_hands() {
  if (const auto error = co_await stream_.wait_readable()) throw ConnectionLost(error.message());
  const auto place = shared_.handshakes.enter([self = weak_from_this()] {
    if (const auto alive = self.lock()) alive->close();
  });
  if (const auto error = co_await stream_.handshake()) throw ConnectionLost(error.message());
}

/// Answers one request; returns whether the connection stays open for another.
awaitable<bool> Connection::serve_one(RequestReader::Head head) {
  const Running running(shared_);
  Exchange exchange(*this);
  sender_.begin_answer();
  try {
    auto response = refusal(head, exchange);
    if (!response) response = co_await answer(exchange);
    co_return co_await finish(exchange, *std::move(response));
  } catch (const ConnectionLost&) {
    exchange.lose();
    throw;
  } catch (...) {
    give_up(exchange);
  }
  // All that is left to say to the client: that it has not got everything.
  throw ConnectionLost("the answer broke off");
}

/// After a failure in the midst of an answer, which is too late for another one.
void Connection::give_up(Exchange& exchange) {
  const auto error = std::current_exception();
  exchange.fault = fault_kind(error);
  log_broken_answer(error, exchange.head.request);
  exchange.report(exchange.status);
}

// ── from a request to its answer ──────────────────────────────────────────────────────────────

Response Connection::failure(const std::exception_ptr& error, Exchange& exchange) {
  exchange.fault = fault_kind(error);
  return failure_response(error, exchange.head.request);
}

/// Understands the head, or says why not.
std::optional<Response> Connection::refusal(RequestReader::Head head, Exchange& exchange) {
  try {
    require_complete(head);
    exchange.head.request.peer = peer_;
    parse_request_head(head.text,
                       {.scheme = stream_.is_encrypted() ? "https" : "http", .local = local_},
                       shared_.limits, exchange.head);
    reader_.begin_body(head.text.size(), exchange.head.request);
    exchange.understood = true;
    if (shared_.site_guard) shared_.site_guard->require_own_site(exchange.head.request, local_);
    if (shared_.stopping) {
      throw HttpError(503, "The server is stopping.", {}, {{"Retry-After", kRetryWhenStopping}});
    }
    return std::nullopt;
  } catch (...) {
    return failure(std::current_exception(), exchange);
  }
}

/// The handler's answer, or the one to its failure. Throws ConnectionLost only.
awaitable<Response> Connection::answer(Exchange& exchange) {
  std::exception_ptr error;
  try {
    auto match = shared_.router.match(exchange.head.request);
    if (auto* ready = std::get_if<Response>(&match)) co_return std::move(*ready);
    exchange.route = std::get<const Route*>(match);
    co_return co_await handle(*exchange.route, exchange);
  } catch (const ConnectionLost&) {
    throw;
  } catch (...) {
    error = std::current_exception();
  }
  co_return failure(error, exchange);
}

awaitable<Response> Connection::handle(const Route& route, Exchange& exchange) {
  auto& request = exchange.head.request;
  if (const auto* make_sink = std::get_if<SinkHandler>(&route.handler)) {
    co_return co_await receive(*make_sink, exchange);
  }
  if (shared_.site_guard && must_have_type(route)) require_api_media_type(request);
  if (route.body == BodyKind::buffered) request.body = co_await read_whole_body(exchange);
  request.json_depth = shared_.limits.json_depth;
  const auto& handler = std::get<Handler>(route.handler);
  auto& pool = is_reading(request) ? shared_.pools.readers : shared_.pools.writers;
  co_return co_await run_on(pool, [&] {
    request.caller = shared_.identify(request);
    return handler(request);
  });
}

// ── request bodies ────────────────────────────────────────────────────────────────────────────

awaitable<void> Connection::invite_body(Exchange& exchange) {
  if (!exchange.head.expects_continue || reader_.is_body_done()) co_return;
  exchange.head.expects_continue = false;
  co_await sender_.write("HTTP/1.1 100 Continue\r\n\r\n");
}

awaitable<std::string> Connection::read_whole_body(Exchange& exchange) {
  const auto limit = shared_.limits.buffered_body_bytes;
  const auto announced = exchange.head.request.content_length;
  if (announced.value_or(0) > limit) throw HttpError(413, "The request's body is too large.");
  const auto most = announced.value_or(limit + 1);
  reader_.expect_soon();
  co_await invite_body(exchange);
  std::string body;
  while (!reader_.is_body_done()) {
    const auto old_size = body.size();
    body.resize(std::min<std::uint64_t>(most, 2 * old_size + kFirstPiece));
    const auto size =
        co_await reader_.read_body(std::as_writable_bytes(std::span(body).subspan(old_size)));
    body.resize(old_size + size);
    shared_.observer.bytes_moved(size, 0);
    if (body.size() > limit) throw HttpError(413, "The request's body is too large.");
  }
  co_return body;
}

awaitable<Response> Connection::receive(const SinkHandler& make_sink, Exchange& exchange) {
  auto& request = exchange.head.request;
  auto sink = co_await run_on(shared_.pools.writers, [&] {
    request.caller = shared_.identify(request);
    return make_sink(request);
  });
  Response response;
  std::exception_ptr error;
  shared_.observer.upload_started();
  try {
    co_await invite_body(exchange);
    response = co_await pump(*sink);
  } catch (...) {
    error = std::current_exception();
  }
  // Whatever was begun is taken back before the client hears of it: it may try again at once.
  co_await run_on(shared_.pools.writers, [&] { sink.reset(); });
  shared_.observer.upload_ended();
  if (error) std::rethrow_exception(error);
  co_return response;
}

awaitable<Response> Connection::pump(BodySink& sink) {
  std::vector<std::byte> piece(kFirstPiece);
  while (!reader_.is_body_done()) {
    const auto size = co_await reader_.read_body(piece);
    if (size == 0) continue;
    const Stream::Detached socket(stream_);
    co_await run_on(shared_.pools.data, [&] { write_while_ready(sink, socket, piece, size); });
  }
  co_return co_await run_on(shared_.pools.writers, [&] { return sink.finish(); });
}

/// Writes the first `size` bytes of `piece`, and what comes behind them as long as it comes at
/// once, but not for ever: others need the thread, which is one of the pool's, too.
void Connection::write_while_ready(BodySink& sink, const Stream::Detached& socket,
                                   std::vector<std::byte>& piece, std::size_t size) {
  for (std::size_t written = 0; size > 0; size = reader_.read_ready(socket, piece)) {
    shared_.observer.bytes_moved(size, 0);
    sink.write(std::span(piece).first(size));
    if (size == piece.size()) piece.resize(std::min(kPieceSize, 2 * size));
    written += size;
    if (written >= WorkerPool::kStaySize || shared_.pools.data.is_short()) break;
  }
}

// ── answers ───────────────────────────────────────────────────────────────────────────────────

/// Sends the answer; returns whether the connection stays open.
awaitable<bool> Connection::finish(Exchange& exchange, Response response) {
  const auto& head = exchange.head;
  const bool body_left = !exchange.understood || !reader_.is_body_done();
  // A client that waits for its invitation may or may not send the body after a refusal.
  const bool can_skip = exchange.understood && !head.expects_continue &&
                        reader_.body_left().value_or(UINT64_MAX) <= kMaxSkip;
  const bool keep = head.keep_alive && (!body_left || can_skip) && !shared_.stopping;
  const auto& id = head.request.request_id;
  if (!id.empty()) response.headers.emplace_back("X-Openstack-Request-Id", id);
  if (response.status == 503 && !has_header(response, "Retry-After")) {
    response.headers.emplace_back("Retry-After", kRetryWhenBusy);
  }
  const Framing framing{
      .is_http_1_1 = head.is_http_1_1, .keep_alive = keep, .now = std::time(nullptr)};
  exchange.status = response.status;
  co_await sender_.send(response, framing, head.request.method == "HEAD");
  exchange.report(response.status);
  if (keep && body_left) co_await skip_rest();
  if (body_left || reader_.has_more()) to_discard_ = most_to_come(head.request, shared_.limits);
  co_return keep && !shared_.stopping;  // it may have begun while we sent
}

awaitable<void> Connection::skip_rest() {
  std::vector<std::byte> scratch(kFirstPiece);
  try {
    while (!reader_.is_body_done()) std::ignore = co_await reader_.read_body(scratch);
  } catch (const HttpError& error) {
    throw ConnectionLost(error.what());
  }
}

void Connection::Exchange::report(int status_sent) noexcept {
  if (std::exchange(reported, true)) return;
  connection.shared_.observer.request_ended(
      {.request = head.request,
       .is_http_1_1 = head.is_http_1_1,
       .route = route ? route->pattern : "",
       .status = status_sent,
       .fault = fault,
       .received = understood ? connection.reader_.body_received() : 0,
       .sent = connection.sender_.body_sent(),
       .time = Clock::now() - start});
}

}  // namespace glance::api
