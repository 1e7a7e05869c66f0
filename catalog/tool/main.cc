// SPDX-License-Identifier: Apache-2.0
// glance-catalog: the operator's tool, what glance-manage is to Glance.

#include <csignal>
#include <exception>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "catalog/base/error.h"
#include "catalog/text/log_format.h"
#include "catalog/text/one_line.h"
#include "catalog/tool/command.h"
#include "catalog/tool/interruption.h"
#include "version.h"

namespace {

using namespace glance::tool;

/// What the catalog logs is for daemons; here the command's own answer says it. Only what would
/// otherwise be lost is shown.
void log_to_stderr() {
  auto logger = spdlog::stderr_logger_mt("glance-catalog");
  logger->set_formatter(glance::log_format("%n: %v"));
  logger->set_level(spdlog::level::err);
  spdlog::set_default_logger(std::move(logger));
}

ExitCode run(const std::vector<std::string>& words) {
  const auto commands = make_commands();
  const Parsed parsed = parse_call(commands, words);
  switch (parsed.kind) {
    case Parsed::Kind::help:
      print_help(commands, std::cout);
      return ExitCode::ok;
    case Parsed::Kind::command_help:
      print_command_help(*parsed.command, std::cout);
      return ExitCode::ok;
    case Parsed::Kind::version:
      std::cout << "glance-catalog " << glance::kVersion << '\n';
      return ExitCode::ok;
    case Parsed::Kind::run:
      return parsed.command->run(parsed.invocation);
  }
  return ExitCode::failure;
}

ExitCode run_and_flush(const std::vector<std::string>& words) {
  const ExitCode code = run(words);
  if (!std::cout.flush()) throw Failure(ExitCode::failure, "cannot write to the standard output");
  return code;
}

/// Ends as if the signal had not been caught: shells and service managers see what happened.
int end_by(int signal) {
  std::cerr << "glance-catalog: interrupted\n";
  std::signal(signal, SIG_DFL);
  std::raise(signal);
  return 128 + signal;
}

int complain_and_end(ExitCode code, std::string_view message) {
  std::cerr << "glance-catalog: " << glance::one_line(message) << '\n';
  return static_cast<int>(code);
}

}  // namespace

int main(int argc, char** argv) {
  // A file over the process's size limit is an error of one write.
  std::signal(SIGXFSZ, SIG_IGN);
  log_to_stderr();
  try {
    return static_cast<int>(run_and_flush({argv + std::min(argc, 1), argv + argc}));
  } catch (const Interrupted& interrupted) {
    return end_by(interrupted.signal);
  } catch (const UsageError& error) {
    return complain_and_end(error.code(),
                            std::string(error.what()) + "; see glance-catalog --help");
  } catch (const Failure& error) {
    return complain_and_end(error.code(), error.what());
  } catch (const glance::Error& error) {
    return complain_and_end(exit_code_of(error.code()), error.what());
  } catch (const std::exception& error) {
    return complain_and_end(ExitCode::failure, error.what());
  }
}
