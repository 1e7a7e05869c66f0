// SPDX-License-Identifier: Apache-2.0
#include <csignal>
#include <cstdint>
#include <exception>
#include <iostream>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include <boost/program_options.hpp>
#include <fmt/format.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <systemd/sd-daemon.h>

#include "api-bridge/http.h"
#include "api-bridge/routes.h"
#include "api-bridge/server.h"
#include "catalog/catalog.h"
#include "catalog/config.h"
#include "version.h"

namespace {

namespace po = boost::program_options;
using glance::api::ServerOptions;

constexpr int kExitUsage = 1;
constexpr int kExitCannotServe = 2;

class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct Arguments {
  std::string spec;
  std::optional<std::string> bind;
  bool create = false;
};

po::options_description visible_options() {
  po::options_description options("Options");
  options.add_options()                                                       //
      ("bind", po::value<std::string>()->value_name("ADDRESS:PORT"),          //
       "listen there instead of where SPEC says; port 0 takes any free one")  //
      ("create", "make the catalog if it does not exist")                     //
      ("version", "print the version")                                        //
      ("help", "print this text");
  return options;
}

void print_help(std::ostream& out) {
  out << "Usage: glance-api-bridge SPEC [OPTION...]\n"
         "Serves an image catalog as the OpenStack Image API v2.\n\n"
         "SPEC is a glance-api.conf, a directory, or a database URL.\n\n"
      << visible_options();
}

/// Nothing when `--help` or `--version` was asked for, and answered.
std::optional<Arguments> parse_arguments(int argc, char** argv) {
  po::options_description all;
  all.add(visible_options()).add_options()("spec", po::value<std::string>());
  po::positional_options_description positional;
  positional.add("spec", 1);
  po::variables_map given;
  try {
    po::store(po::command_line_parser(argc, argv).options(all).positional(positional).run(), given);
  } catch (const po::error& error) {
    throw UsageError(error.what());
  }
  if (given.contains("help")) {
    print_help(std::cout);
    return std::nullopt;
  }
  if (given.contains("version")) {
    std::cout << "glance-api-bridge " << glance::kVersion << '\n';
    return std::nullopt;
  }
  if (!given.contains("spec")) throw UsageError("SPEC is missing");
  Arguments arguments{.spec = given["spec"].as<std::string>(),
                      .bind = std::nullopt,
                      .create = given.contains("create")};
  if (given.contains("bind")) arguments.bind = given["bind"].as<std::string>();
  return arguments;
}

/// `127.0.0.1:9292`, `[::1]:9292`, `localhost:0`.
void apply_bind(const std::string& text, ServerOptions& options) {
  const auto colon = text.rfind(':');
  auto host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  const auto port = colon == std::string::npos
                        ? std::nullopt
                        : glance::api::parse_digits(std::string_view(text).substr(colon + 1));
  if (host.empty() || !port || *port > UINT16_MAX) {
    throw UsageError(fmt::format("--bind wants ADDRESS:PORT, not '{}'", text));
  }
  options.host = host;
  options.port = static_cast<std::uint16_t>(*port);
}

ServerOptions server_options(const glance::Config& config, const Arguments& arguments) {
  ServerOptions options{
      .host = config.bind_host, .port = config.bind_port, .workers = config.workers, .limits = {}};
  if (arguments.bind) apply_bind(*arguments.bind, options);
  return options;
}

void recover(glance::Catalog& catalog) {
  const auto report = catalog.recover();
  if (report.published + report.discarded + report.removed == 0) return;
  spdlog::info("recovery: {} uploads published, {} discarded, data of {} deleted images removed",
               report.published, report.discarded, report.removed);
}

void announce(const glance::api::Server& server) {
  if (!server.is_loopback()) {
    spdlog::warn("{} can be reached from other machines, and nobody is asked who they are",
                 server.address());
  }
  std::cout << "listening on http://" << server.address() << '\n' << std::flush;
  sd_notify(0, "READY=1");
}

void serve(const Arguments& arguments) {
  const auto config = glance::read_spec(arguments.spec, arguments.create);
  const auto options = server_options(config, arguments);
  const auto catalog = glance::Catalog::open(config, arguments.create);
  recover(*catalog);
  const auto router = glance::api::make_router(*catalog);
  const auto identify = [](const glance::api::Request&) { return glance::Caller::local_admin(); };
  glance::api::Server server(router, identify, options);
  announce(server);
  server.run();
}

void log_to_stderr() {
  auto logger = spdlog::stderr_logger_mt("glance-api-bridge");
  logger->set_pattern("%Y-%m-%dT%H:%M:%S.%e [%l] %v");
  spdlog::set_default_logger(std::move(logger));
}

}  // namespace

int main(int argc, char** argv) {
  try {
    log_to_stderr();
    std::signal(SIGPIPE, SIG_IGN);
    const auto arguments = parse_arguments(argc, argv);
    if (arguments) serve(*arguments);
    return 0;
  } catch (const UsageError& error) {
    std::cerr << "glance-api-bridge: " << error.what() << "\nTry 'glance-api-bridge --help'.\n";
    return kExitUsage;
  } catch (const std::exception& error) {
    std::cerr << "glance-api-bridge: " << error.what() << '\n';
    return kExitCannotServe;
  }
}
