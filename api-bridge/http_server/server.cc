// SPDX-License-Identifier: Apache-2.0
#include "api-bridge/http_server/server.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <stdexcept>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <fmt/format.h>
#include <netinet/tcp.h>
#include <spdlog/spdlog.h>

#include "api-bridge/http_server/connection.h"
#include "api-bridge/http_server/listener.h"
#include "api-bridge/http_server/shared.h"
#include "api-bridge/http_server/tls.h"

namespace glance::api {
namespace {

constexpr std::string_view kFull =
    "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nRetry-After: 1\r\n"
    "Connection: close\r\n\r\n";

unsigned thread_count(unsigned wanted) {
  return wanted > 0 ? wanted : std::max(1U, std::thread::hardware_concurrency());
}

void set_options(tcp::socket& socket, const ServerLimits& limits) {
  error_code ignored;
  // Without it the second small packet of an answer waits for the client's acknowledgement.
  std::ignore = socket.set_option(tcp::no_delay(true), ignored);
  // A peer that has gone without a word is noticed, however long a transfer may pause.
  using Idle = asio::detail::socket_option::integer<IPPROTO_TCP, TCP_KEEPIDLE>;
  std::ignore = socket.set_option(asio::socket_base::keep_alive(true), ignored);
  std::ignore = socket.set_option(Idle(static_cast<int>(limits.probe_time.count())), ignored);
}

}  // namespace

void Pools::stop() {
  for (auto* pool : {&readers, &writers, &data}) pool->stop();
  for (auto* pool : {&readers, &writers, &data}) pool->join();
}

class Server::Impl {
 public:
  Impl(const Router& router, Identify identify, ServerObserver& observer, ServerOptions options)
      : options_(std::move(options)),
        workers_(thread_count(options_.workers)),
        shared_{.router = router,
                .identify = std::move(identify),
                .observer = observer,
                .limits = options_.limits,
                .loopback_route = options_.loopback_route,
                .site_guard = options_.site_guard,
                .pools = pools_,
                .handshakes = PendingHandshakes(options_.limits.handshakes),
                .on_drained = [this] { asio::post(control_, [this] { finish(); }); },
                .mutex = {},
                .tls = options_.tls ? load_tls(*options_.tls) : nullptr,
                .connections = {}},
        io_(static_cast<int>(workers_)),
        control_(asio::make_strand(io_)),
        listener_(control_, options_),
        url_(fmt::format("{}://{}", options_.tls ? "https" : "http", listener_.address())),
        signals_(control_, SIGTERM, SIGINT, SIGHUP),
        stop_timer_(control_),
        pools_(workers_) {}

  void run();
  void stop() {
    asio::post(control_, [this] { begin_stop("stop()"); });
  }

  [[nodiscard]] const std::string& url() const noexcept { return url_; }

 private:
  awaitable<void> accept(tcp::acceptor& acceptor);
  void start(tcp::socket socket, const tcp::endpoint& peer);
  void wait_for_signal();
  void reload();
  void begin_stop(const std::string& why);
  void finish();
  [[nodiscard]] std::vector<std::shared_ptr<Connection>> connections();

  // The order matters when requests are cut off: the pools' jobs end first, then the connections'
  // coroutines go with io_, and they look at shared_ to the last.
  const ServerOptions options_;
  const unsigned workers_;
  Shared shared_;
  asio::io_context io_;
  asio::strand<asio::io_context::executor_type> control_;  // accepting and stopping
  Listener listener_;
  const std::string url_;
  asio::signal_set signals_;
  asio::steady_timer stop_timer_;
  Pools pools_;
};

void Server::Impl::run() {
  for (auto& acceptor : listener_.acceptors()) {
    asio::co_spawn(control_, accept(acceptor), asio::detached);
  }
  wait_for_signal();
  std::vector<std::jthread> threads;
  for (unsigned i = 1; i < workers_; ++i) threads.emplace_back([this] { io_.run(); });
  io_.run();
  threads.clear();
  pools_.stop();
  shared_.over = true;
}

// ── accepting ─────────────────────────────────────────────────────────────────────────────────

awaitable<void> Server::Impl::accept(tcp::acceptor& acceptor) {
  while (acceptor.is_open()) {
    // From accept(2) itself: the socket of a client that has reset it knows no address any more.
    tcp::endpoint peer;
    auto [error, socket] = co_await acceptor.async_accept(
        asio::any_io_executor(asio::make_strand(io_)), peer, kAsTuple);
    if (error == asio::error::operation_aborted) co_return;
    if (error == asio::error::connection_aborted) continue;
    if (error) {
      // Out of descriptors, most likely: some connections must end first.
      shared_.observer.accepting_failed(error.message());
      asio::steady_timer pause(control_, std::chrono::milliseconds(100));
      std::ignore = co_await pause.async_wait(kAsTuple);
      continue;
    }
    // Closed while this one was on its way to us: nobody would close it any more.
    if (!acceptor.is_open()) co_return;
    try {
      start(std::move(socket), peer);
    } catch (const std::exception& failure) {
      shared_.observer.accepting_failed(failure.what());
    }
  }
}

void Server::Impl::start(tcp::socket socket, const tcp::endpoint& peer) {
  error_code ignored;
  set_options(socket, shared_.limits);
  const auto executor = socket.get_executor();
  std::shared_ptr<asio::ssl::context> tls;
  bool full = false;
  {
    MutexLock lock(shared_.mutex);
    tls = shared_.tls;
    full = shared_.connections.size() >= shared_.limits.connections;
  }
  if (full) {
    shared_.observer.connection_refused();
    std::ignore = socket.non_blocking(true, ignored);
    if (!tls) std::ignore = socket.write_some(asio::buffer(kFull), ignored);
    return;
  }
  const auto connection =
      std::make_shared<Connection>(shared_, std::move(socket), peer, std::move(tls));
  {
    MutexLock lock(shared_.mutex);
    shared_.connections.emplace(connection.get(), connection);
  }
  asio::co_spawn(executor, Connection::run(connection), asio::detached);
}

// ── signals and the end ───────────────────────────────────────────────────────────────────────

void Server::Impl::wait_for_signal() {
  signals_.async_wait([this](error_code error, int signal) {
    if (error) return;
    wait_for_signal();  // first: begin_stop() may be the end of it
    if (signal == SIGHUP) {
      reload();
      return;
    }
    begin_stop(fmt::format("signal {}", signal));
  });
}

/// Connections that are open keep the certificate that they began with.
void Server::Impl::reload() {
  if (options_.on_hangup) options_.on_hangup();
  if (!options_.tls) return;
  try {
    auto fresh = load_tls(*options_.tls);
    MutexLock lock(shared_.mutex);
    shared_.tls = std::move(fresh);
  } catch (const std::exception& error) {
    spdlog::error("keeping the old certificate: {}", error.what());
  }
}

void Server::Impl::begin_stop(const std::string& why) {
  if (shared_.stopping.exchange(true)) {
    spdlog::info("{}: ending at once", why);
    io_.stop();
    return;
  }
  if (listener_.is_inherited()) listener_.close();
  if (options_.on_stopping) options_.on_stopping();
  // Now it is true: whoever reads this and connects is refused.
  spdlog::info("{}: stopping", why);
  stop_timer_.expires_after(shared_.limits.stop_time);
  stop_timer_.async_wait([this](error_code error) {
    if (error) return;
    spdlog::warn("some requests did not finish in time: cutting them off");
    io_.stop();
  });
  if (shared_.running == 0) finish();
}

/// Ends everything that keeps the io_context running, once no request runs.
void Server::Impl::finish() {
  listener_.close();
  signals_.cancel();
  stop_timer_.cancel();
  for (const auto& connection : connections()) connection->close();
}

std::vector<std::shared_ptr<Connection>> Server::Impl::connections() {
  std::vector<std::shared_ptr<Connection>> open;
  MutexLock lock(shared_.mutex);
  for (const auto& [key, connection] : shared_.connections) {
    if (auto alive = connection.lock()) open.push_back(std::move(alive));
  }
  return open;
}

Server::Server(const Router& router, Identify identify, ServerObserver& observer,
               ServerOptions options)
    : impl_(std::make_unique<Impl>(router, std::move(identify), observer, std::move(options))) {}

Server::~Server() = default;

const std::string& Server::url() const noexcept {
  return impl_->url();
}

void Server::run() {
  impl_->run();
}

void Server::stop() {
  impl_->stop();
}

}  // namespace glance::api
