// SPDX-License-Identifier: Apache-2.0
#include "api-bridge/http_server/listener.h"

#include <stdexcept>
#include <tuple>

#include <fmt/format.h>
#include <sys/socket.h>

namespace glance::api {
namespace {

void require_loopback(const tcp::endpoint& endpoint) {
  if (endpoint.address().is_loopback()) return;
  throw std::runtime_error(fmt::format(
      "{} can be reached from other machines, and nobody would be asked who they are; allowed: a "
      "loopback address such as 127.0.0.1, or --allow-unauthenticated",
      address_text(endpoint)));
}

/// The protocol of a socket that was given to us.
tcp protocol_of(int socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    throw std::runtime_error(fmt::format("the inherited descriptor {} is no socket", socket));
  }
  if (address.ss_family == AF_INET) return tcp::v4();
  if (address.ss_family == AF_INET6) return tcp::v6();
  throw std::runtime_error(fmt::format(
      "the inherited socket {} is not TCP; allowed: ListenStream=ADDRESS:PORT", socket));
}

}  // namespace

std::string address_text(const tcp::endpoint& endpoint) {
  const auto address = endpoint.address();
  const std::string_view open = address.is_v6() ? "[" : "";
  const std::string_view close = address.is_v6() ? "]" : "";
  return fmt::format("{}{}{}:{}", open, address.to_string(), close, endpoint.port());
}

Listener::Listener(const asio::any_io_executor& executor, const ServerOptions& options)
    : inherited_(!options.listening.empty()) {
  for (const int socket : options.listening) adopt(executor, socket, options.loopback_only);
  if (!inherited_) open(executor, options);
  address_ = address_text(acceptors_.front().local_endpoint());
}

void Listener::open(const asio::any_io_executor& executor, const ServerOptions& options) {
  try {
    tcp::resolver resolver(executor);
    const auto found = resolver.resolve(options.host, std::to_string(options.port),
                                        tcp::resolver::passive | tcp::resolver::numeric_service);
    const auto endpoint = found.begin()->endpoint();
    if (options.loopback_only) require_loopback(endpoint);
    tcp::acceptor acceptor(executor);
    acceptor.open(endpoint.protocol());
    acceptor.set_option(tcp::acceptor::reuse_address(true));
    acceptor.bind(endpoint);
    acceptor.listen();
    acceptors_.push_back(std::move(acceptor));
  } catch (const boost::system::system_error& error) {
    throw std::runtime_error(fmt::format("cannot listen on {}:{}: {}", options.host, options.port,
                                         error.code().message()));
  }
}

void Listener::adopt(const asio::any_io_executor& executor, int socket, bool loopback_only) {
  try {
    tcp::acceptor acceptor(executor, protocol_of(socket), socket);
    if (loopback_only) require_loopback(acceptor.local_endpoint());
    acceptors_.push_back(std::move(acceptor));
  } catch (const boost::system::system_error& error) {
    throw std::runtime_error(
        fmt::format("cannot use the inherited socket {}: {}", socket, error.code().message()));
  }
}

void Listener::close() noexcept {
  for (auto& acceptor : acceptors_) {
    error_code ignored;
    std::ignore = acceptor.close(ignored);
  }
}

}  // namespace glance::api
