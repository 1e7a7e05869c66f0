// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api-bridge/http_server/asio.h"
#include "api-bridge/http_server/request_reader.h"
#include "api-bridge/http_server/response_sender.h"
#include "api-bridge/http_server/shared.h"
#include "api-bridge/http_server/stream.h"

namespace glance::api {

/// One client's connection. Everything in it runs on the socket's strand, but what run_on() takes
/// elsewhere while the strand's coroutine waits.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  /// `peer` is what accept(2) said.
  Connection(Shared& shared, tcp::socket socket, const tcp::endpoint& peer,
             std::shared_ptr<asio::ssl::context> tls);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Serves requests until either side has had enough.
  static awaitable<void> run(std::shared_ptr<Connection> self);

  /// Ends it, whatever it does. Safe to call from any thread.
  void close();

 private:
  struct Exchange;

  awaitable<void> serve();
  awaitable<void> shake_hands();
  awaitable<bool> serve_one(RequestReader::Head head);
  [[nodiscard]] std::optional<Response> refusal(RequestReader::Head head, Exchange& exchange);
  awaitable<Response> answer(Exchange& exchange);
  awaitable<Response> handle(const Route& route, Exchange& exchange);
  [[nodiscard]] Response failure(const std::exception_ptr& error, Exchange& exchange);

  awaitable<void> invite_body(Exchange& exchange);
  awaitable<std::string> read_whole_body(Exchange& exchange);
  awaitable<Response> receive(const SinkHandler& make_sink, Exchange& exchange);
  awaitable<Response> pump(BodySink& sink);
  void write_while_ready(BodySink& sink, const Stream::Detached& socket,
                         std::vector<std::byte>& piece, std::size_t size);

  awaitable<bool> finish(Exchange& exchange, Response response);
  awaitable<void> skip_rest();
  static void give_up(Exchange& exchange);

  Shared& shared_;
  Stream stream_;
  const std::string peer_;   // its address
  const std::string local_;  // ours
  const std::shared_ptr<Deadline> deadline_;
  RequestReader reader_;
  ResponseSender sender_;
  // What the peer may still be sending when we have said all; nothing: it is not.
  std::optional<std::uint64_t> to_discard_;
};

}  // namespace glance::api
