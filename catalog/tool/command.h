// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <ostream>
#include <span>
#include <string>
#include <vector>

#include <boost/program_options.hpp>

#include "catalog/tool/exit_code.h"

namespace glance::tool {

/// One call of the program, parsed.
struct Invocation {
  std::string spec;
  boost::program_options::variables_map values;
  std::vector<std::string> arguments;  ///< what is no option, without the command itself

  [[nodiscard]] bool has(const char* option) const;
  /// Nothing if it is not given.
  [[nodiscard]] std::optional<std::string> text(const char* option) const;
  /// Of an option that may be given several times.
  [[nodiscard]] std::vector<std::string> texts(const char* option) const;
};

/// How often something may be given.
struct Count {
  std::size_t least;
  std::size_t most;
};

inline constexpr std::size_t kAnyNumber = static_cast<std::size_t>(-1);

/// One of the program's commands. `run` throws Failure, Error or Interrupted.
struct Command {
  std::string name;
  std::string operands;  ///< as the usage line shows them, e.g. "NAME|ID [FILE]"
  std::string summary;   ///< one line
  Count arguments;
  boost::program_options::options_description options;
  std::function<ExitCode(const Invocation&)> run;
};

/// The commands, in the order of --help.
[[nodiscard]] std::vector<Command> make_commands();

[[nodiscard]] Command make_db_sync();
[[nodiscard]] Command make_index();
[[nodiscard]] Command make_show();
[[nodiscard]] Command make_add();
[[nodiscard]] Command make_rm();
[[nodiscard]] Command make_set();
[[nodiscard]] Command make_save();
[[nodiscard]] Command make_check();
[[nodiscard]] Command make_scrub();

/// What a call asks for.
struct Parsed {
  enum class Kind { run, help, command_help, version };
  Kind kind = Kind::run;
  const Command* command = nullptr;  ///< of run and command_help; one of those given
  Invocation invocation;
};

/// Reads the words after the program's name in two steps: options of the program up to the
/// command, then the command's own. Error: UsageError.
[[nodiscard]] Parsed parse_call(std::span<const Command> commands,
                                const std::vector<std::string>& words);

void print_help(std::span<const Command> commands, std::ostream& out);
void print_command_help(const Command& command, std::ostream& out);

}  // namespace glance::tool
