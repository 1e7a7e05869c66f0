// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdexcept>
#include <type_traits>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "api-bridge/http_server/worker_pool.h"

/// What the parts of the HTTP server share of Asio. Only this folder knows Asio and Beast.
namespace glance::api {

namespace asio = boost::asio;
using asio::awaitable;
using asio::ip::tcp;
using boost::system::error_code;

inline constexpr auto kAsTuple = asio::as_tuple(asio::use_awaitable);

/// The peer went away, or takes nothing any more. There is nobody left to answer.
class ConnectionLost : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Runs `work`, which may block, on the pool's threads while the caller's coroutine waits. What
/// `work` throws is thrown here.
template <typename Work>
awaitable<std::invoke_result_t<Work>> run_on(WorkerPool& pool, Work work) {
  using Result = std::invoke_result_t<Work>;
  WorkerPool::Ticket ticket(pool);
  auto job = [&]() -> awaitable<Result> {
    ticket.begin();
    co_return work();
  };
  co_return co_await asio::co_spawn(pool.executor(), std::move(job), asio::use_awaitable);
}

}  // namespace glance::api
