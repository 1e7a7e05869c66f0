// SPDX-License-Identifier: Apache-2.0
#include <csignal>
#include <exception>
#include <iostream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>
#include <systemd/sd-daemon.h>

#include "api-bridge/handlers/routes.h"
#include "api-bridge/http_server/server.h"
#include "api-bridge/operation/arguments.h"
#include "api-bridge/operation/bridge_config.h"
#include "api-bridge/operation/memory_trim.h"
#include "api-bridge/operation/reporter.h"
#include "catalog/catalog.h"
#include "catalog/config/config.h"
#include "catalog/config/spec.h"
#include "catalog/recovery_loop.h"
#include "catalog/text/one_line.h"

namespace {

using namespace glance::api;  // NOLINT(google-build-using-namespace)

constexpr int kExitUsage = 1;
constexpr int kExitCannotServe = 2;

/// The sockets that systemd opened for us.
std::vector<int> inherited_sockets() {
  const int count = sd_listen_fds(1);
  if (count < 0) throw std::runtime_error("LISTEN_FDS cannot be understood");
  std::vector<int> sockets;
  for (int i = 0; i < count; ++i) sockets.push_back(SD_LISTEN_FDS_START + i);
  return sockets;
}

/// Takes as many descriptors as we may have. A connection needs one, and another while it moves
/// an image.
void raise_descriptor_limit(std::size_t connections) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur / 2 < connections) {
    spdlog::warn("only {} descriptors are allowed; {} connections may need twice as many",
                 limit.rlim_cur, connections);
  }
}

ServerOptions server_options(const glance::Config& config, const BridgeConfig& bridge,
                             const Arguments& arguments) {
  const bool unauthenticated = arguments.allow_unauthenticated || bridge.allow_unauthenticated;
  if (bridge.wants_keystone && !unauthenticated) {
    throw std::runtime_error(fmt::format(
        "{}: [paste_deploy] flavor wants Keystone, which is not supported yet; allowed: a flavor "
        "without it, or --allow-unauthenticated",
        config.source));
  }
  ServerOptions options{.host = config.bind_host,
                        .port = config.bind_port,
                        .listening = inherited_sockets(),
                        .loopback_only = !unauthenticated,
                        .workers = config.workers,
                        .tls = bridge.tls,
                        .limits = bridge.limits};
  if (arguments.bind) {
    options.host = arguments.bind->host;
    options.port = arguments.bind->port;
  }
  options.limits.chunked_body_bytes = config.limits.image_size_cap;
  // Nobody is asked who he is: see Identify below.
  options.site_guard.emplace(options.host, config.public_endpoint);
  return options;
}

void announce(const Server& server, const ServerOptions& options) {
  if (!options.loopback_only) {
    spdlog::warn("{}: whoever can reach it is the administrator", server.url());
  }
  std::cout << "listening on " << server.url() << '\n' << std::flush;
  sd_notify(0, "READY=1");
}

void serve(const Arguments& arguments) {
  const auto config = glance::read_spec(arguments.spec, arguments.create);
  const auto bridge = read_bridge_config(arguments.spec);
  Reporter reporter(bridge);
  raise_descriptor_limit(bridge.limits.connections);
  auto options = server_options(config, bridge, arguments);
  options.on_stopping = [] { sd_notify(0, "STOPPING=1"); };
  options.on_hangup = [&reporter] { reporter.reopen_logs(); };

  const auto catalog = glance::Catalog::open(config, arguments.create);
  glance::recover(*catalog);
  auto router = make_router(*catalog);
  if (bridge.metrics) {
    router.add_page("metrics", [&reporter](const Request&) {
      return Response{.status = 200,
                      .headers = {{"Content-Type", "text/plain; version=0.0.4; charset=utf-8"}},
                      .body = reporter.metrics().text()};
    });
  }
  const auto identify = [](const Request&) { return glance::Caller::local_admin(); };
  Server server(router, identify, reporter, options);
  const MemoryTrim trim;
  const glance::RecoveryLoop recovery(*catalog, config.recovery_interval);
  announce(server, options);
  server.run();
}

}  // namespace

int main(int argc, char** argv) {
  try {
    std::signal(SIGPIPE, SIG_IGN);
    have_few_arenas();              // before the first thread
    std::signal(SIGXFSZ, SIG_IGN);  // write(2) then says EFBIG
    const auto arguments = parse_arguments(argc, argv, std::cout);
    if (arguments) serve(*arguments);
    return 0;
  } catch (const UsageError& error) {
    std::cerr << "glance-api-bridge: " << glance::one_line(error.what())
              << "\nTry 'glance-api-bridge --help'.\n";
    return kExitUsage;
  } catch (const std::exception& error) {
    std::cerr << "glance-api-bridge: " << glance::one_line(error.what()) << '\n';
    return kExitCannotServe;
  }
}
