// SPDX-License-Identifier: Apache-2.0
#include "api-bridge/operation/arguments.h"

#include <ostream>

#include <boost/program_options.hpp>
#include <fmt/format.h>

#include "api-bridge/wire/http.h"
#include "version.h"

namespace glance::api {
namespace {

namespace po = boost::program_options;

po::options_description visible_options() {
  po::options_description options("Options");
  options.add_options()                                                       //
      ("bind", po::value<std::string>()->value_name("ADDRESS:PORT"),          //
       "listen there instead of where SPEC says; port 0 takes any free one")  //
      ("create", "make the catalog if it does not exist")                     //
      ("allow-unauthenticated",                                               //
       "serve everybody who can reach ADDRESS as the administrator, though it is not a loopback "
       "address or SPEC wants Keystone")  //
      ("version", "print the version")    //
      ("help", "print this text");
  return options;
}

void print_help(std::ostream& out) {
  out << "Usage: glance-api-bridge SPEC [OPTION...]\n"
         "Serves an image catalog as the OpenStack Image API v2.\n\n"
         "SPEC is a glance-api.conf, a directory, or a database URL.\n\n"
      << visible_options() << "\nSee glance-api-bridge(8) for the configuration.\n";
}

}  // namespace

std::optional<Arguments> parse_arguments(int argc, const char* const* argv, std::ostream& out) {
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
    print_help(out);
    return std::nullopt;
  }
  if (given.contains("version")) {
    out << "glance-api-bridge " << kVersion << '\n';
    return std::nullopt;
  }
  if (!given.contains("spec")) throw UsageError("SPEC is missing");
  Arguments arguments{.spec = given["spec"].as<std::string>(),
                      .bind = std::nullopt,
                      .create = given.contains("create"),
                      .allow_unauthenticated = given.contains("allow-unauthenticated")};
  if (given.contains("bind")) arguments.bind = parse_bind(given["bind"].as<std::string>());
  return arguments;
}

BindAddress parse_bind(std::string_view text) {
  const auto colon = text.rfind(':');
  auto host = text.substr(0, colon);
  const bool bracketed = host.starts_with('[') && host.ends_with(']');
  if (bracketed) host = host.substr(1, host.size() - 2);
  // Of `::1:9292` nobody knows where the address ends.
  const bool ambiguous = !bracketed && host.find(':') != std::string_view::npos;
  const auto port =
      colon == std::string_view::npos ? std::nullopt : parse_digits(text.substr(colon + 1));
  if (host.empty() || ambiguous || !port || *port > UINT16_MAX) {
    throw UsageError(fmt::format(
        "--bind: '{}' is not an address; allowed: ADDRESS:PORT, [IPV6]:PORT, port 0 to 65535",
        text));
  }
  return {.host = std::string(host), .port = static_cast<std::uint16_t>(*port)};
}

}  // namespace glance::api
