// SPDX-License-Identifier: Apache-2.0
// glance-catalog: the operator's tool, what glance-manage is to Glance.

#include <algorithm>
#include <functional>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include <boost/program_options.hpp>
#include <fmt/format.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "catalog/catalog.h"
#include "version.h"

namespace {

namespace po = boost::program_options;
using glance::Catalog;
using glance::Errc;
using glance::Error;

constexpr int kUsageError = 1;
constexpr int kFailure = 2;

constexpr const char* kDefaultSpec = "/etc/glance/glance-api.conf";

constexpr const char* kUsage =
    "usage: glance-catalog [--spec SPEC] COMMAND\n"
    "\n"
    "SPEC is a glance-api.conf, a directory or a database URL "
    "(default: /etc/glance/glance-api.conf)\n"
    "\n"
    "Commands:\n"
    "  db-sync         create the tables; does nothing where they are\n"
    "  index           list the images\n"
    "  show NAME|ID    show one image with all its attributes\n";

struct Invocation {
  std::string spec;
  std::string command;
  std::vector<std::string> arguments;
};

/// Prints rows under a header, each column as wide as its widest cell.
void print_table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths(rows.front().size(), 0);
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string rule;
  for (const auto width : widths) rule += std::string(width, '-') + " ";
  for (std::size_t line = 0; line < rows.size(); ++line) {
    std::string text;
    for (std::size_t i = 0; i < widths.size(); ++i) {
      text += fmt::format("{:<{}} ", rows[line][i], widths[i]);
    }
    std::cout << text.substr(0, text.find_last_not_of(' ') + 1) << '\n';
    if (line == 0) std::cout << rule.substr(0, rule.size() - 1) << '\n';
  }
}

void db_sync(const Invocation& invocation) {
  Catalog::open(glance::read_spec(invocation.spec, true), true);
}

std::unique_ptr<Catalog> open_catalog(const Invocation& invocation) {
  return Catalog::open(glance::read_spec(invocation.spec, false));
}

void index(const Invocation& invocation) {
  const auto catalog = open_catalog(invocation);
  std::vector<std::vector<std::string>> rows = {
      {"ID", "Name", "Disk Format", "Container Format", "Size"}};
  for (const auto& image : catalog->list(glance::Caller::local_admin(), {})) {
    rows.push_back({image.id.text(), image.name.value_or(""), image.disk_format.value_or(""),
                    image.container_format.value_or(""),
                    image.size ? std::to_string(*image.size) : ""});
  }
  print_table(rows);
}

void show(const Invocation& invocation) {
  const auto catalog = open_catalog(invocation);
  const auto image = catalog->resolve(glance::Caller::local_admin(), invocation.arguments.front());
  std::vector<std::vector<std::string>> rows = {{"Field", "Value"}};
  for (const auto& attribute : glance::core_attributes()) {
    if (auto text = glance::attribute_text(image, attribute.name)) {
      rows.push_back({std::string(attribute.name), *text});
    }
  }
  for (const auto& [name, value] : image.properties) rows.push_back({name, value});
  for (const auto& location : image.locations) rows.push_back({"location", location.url});
  print_table(rows);
}

struct Command {
  std::size_t arguments;
  std::function<void(const Invocation&)> run;
};

const std::map<std::string, Command>& commands() {
  static const std::map<std::string, Command> all = {
      {"db-sync", {.arguments = 0, .run = db_sync}},
      {"index", {.arguments = 0, .run = index}},
      {"show", {.arguments = 1, .run = show}},
  };
  return all;
}

/// Nothing when the invocation was answered already (--help, --version).
std::optional<Invocation> parse_arguments(int argc, char** argv) {
  Invocation invocation;
  po::options_description options;
  options.add_options()("help,h", "")("version", "")(
      "spec", po::value(&invocation.spec)->default_value(kDefaultSpec))(
      "command", po::value(&invocation.command))("argument", po::value(&invocation.arguments));
  po::positional_options_description positional;
  positional.add("command", 1).add("argument", -1);
  po::variables_map values;
  po::store(po::command_line_parser(argc, argv).options(options).positional(positional).run(),
            values);
  po::notify(values);
  if (values.contains("help")) {
    std::cout << kUsage;
    return std::nullopt;
  }
  if (values.contains("version")) {
    std::cout << "glance-catalog " << glance::kVersion << '\n';
    return std::nullopt;
  }
  return invocation;
}

const Command& find_command(const Invocation& invocation) {
  const auto found = commands().find(invocation.command);
  if (found == commands().end()) {
    throw po::error(invocation.command.empty() ? "a command is needed"
                                               : "unknown command '" + invocation.command + "'");
  }
  if (invocation.arguments.size() != found->second.arguments) {
    throw po::error(fmt::format("'{}' takes {} argument(s), {} given", invocation.command,
                                found->second.arguments, invocation.arguments.size()));
  }
  return found->second;
}

}  // namespace

int main(int argc, char** argv) {
  spdlog::set_default_logger(spdlog::stderr_logger_mt("glance-catalog"));
  try {
    const auto invocation = parse_arguments(argc, argv);
    if (!invocation) return 0;
    find_command(*invocation).run(*invocation);
    return std::cout.flush() ? 0 : kFailure;
  } catch (const po::error& error) {
    std::cerr << "glance-catalog: " << error.what() << "; see glance-catalog --help\n";
    return kUsageError;
  } catch (const std::exception& error) {
    std::cerr << "glance-catalog: " << error.what() << '\n';
    return kFailure;
  }
}
