// SPDX-License-Identifier: Apache-2.0
#include "catalog/tool/command.h"

#include <algorithm>

#include <fmt/format.h>

namespace glance::tool {

namespace po = boost::program_options;

namespace {

constexpr const char* kDefaultSpec = "/etc/glance/glance-api.conf";
constexpr unsigned kHelpWidth = 88;
constexpr unsigned kHelpTextWidth = 50;

// Abbreviations would turn into other options when new ones come.
constexpr int kStyle = po::command_line_style::unix_style & ~po::command_line_style::allow_guessing;

po::options_description common_options() {
  po::options_description options("Options of the program, and of every command",  //
                                  kHelpWidth, kHelpTextWidth);
  options.add_options()                                                 //
      ("spec", po::value<std::string>()->value_name("SPEC"),            //
       fmt::format("the catalog (default: {})", kDefaultSpec).c_str())  //
      ("help,h", "print this and exit");
  return options;
}

po::options_description program_options() {
  po::options_description options = common_options();
  options.add_options()("version", "print the version and exit");
  return options;
}

po::variables_map parse_options(const po::options_description& options,
                                const std::vector<std::string>& words,
                                std::vector<std::string>* positional) {
  po::options_description all;
  all.add(options).add_options()("positional", po::value<std::vector<std::string>>());
  po::positional_options_description where;
  if (positional != nullptr) where.add("positional", -1);
  po::variables_map values;
  try {
    po::store(po::command_line_parser(words).options(all).positional(where).style(kStyle).run(),
              values);
  } catch (const po::error& error) {
    throw UsageError(error.what());
  }
  if (positional != nullptr && values.contains("positional")) {
    *positional = values["positional"].as<std::vector<std::string>>();
  }
  return values;
}

/// Where the command stands: the first word that is neither an option nor the value of one.
std::size_t find_command_word(const std::vector<std::string>& words) {
  for (std::size_t at = 0; at < words.size(); ++at) {
    if (words[at] == "--spec") {
      ++at;  // its value
    } else if (!words[at].starts_with('-')) {
      return at;
    }
  }
  return words.size();
}

const Command& find_command(std::span<const Command> commands, const std::string& name) {
  const auto found = std::ranges::find(commands, name, &Command::name);
  if (found == commands.end()) throw UsageError("unknown command '" + name + "'");
  return *found;
}

void check_count(const Command& command, std::size_t given) {
  const auto [least, most] = command.arguments;
  if (given >= least && given <= most) return;
  const std::string wanted = command.operands.empty() ? "no arguments" : command.operands;
  throw UsageError(fmt::format("'{}' takes {}; {} given", command.name, wanted, given));
}

std::string usage_line(const Command& command) {
  const std::string options = command.options.options().empty() ? "" : " [OPTION...]";
  const std::string operands = command.operands.empty() ? "" : " " + command.operands;
  return command.name + operands + options;
}

}  // namespace

bool Invocation::has(const char* option) const {
  return values.contains(option);
}

std::optional<std::string> Invocation::text(const char* option) const {
  if (!values.contains(option)) return std::nullopt;
  return values[option].as<std::string>();
}

std::vector<std::string> Invocation::texts(const char* option) const {
  if (!values.contains(option)) return {};
  return values[option].as<std::vector<std::string>>();
}

std::vector<Command> make_commands() {
  return {make_db_sync(), make_index(), make_show(),  make_add(),  make_rm(),
          make_set(),     make_save(),  make_check(), make_scrub()};
}

Parsed parse_call(std::span<const Command> commands, const std::vector<std::string>& words) {
  const auto at = static_cast<std::ptrdiff_t>(find_command_word(words));
  Parsed parsed;
  const auto before =
      parse_options(program_options(), {words.begin(), words.begin() + at}, nullptr);
  if (before.contains("help")) return {.kind = Parsed::Kind::help, .invocation = {}};
  if (before.contains("version")) return {.kind = Parsed::Kind::version, .invocation = {}};
  if (words.begin() + at == words.end()) throw UsageError("a command is needed");

  parsed.command = &find_command(commands, words[static_cast<std::size_t>(at)]);
  po::options_description options;
  options.add(common_options()).add(parsed.command->options);
  Invocation& invocation = parsed.invocation;
  invocation.values =
      parse_options(options, {words.begin() + at + 1, words.end()}, &invocation.arguments);
  if (invocation.has("help")) {
    parsed.kind = Parsed::Kind::command_help;
    return parsed;
  }
  check_count(*parsed.command, invocation.arguments.size());
  if (before.contains("spec") && invocation.has("spec")) throw UsageError("--spec is given twice");
  const auto& given = before.contains("spec") ? before : invocation.values;
  invocation.spec = given.contains("spec") ? given["spec"].as<std::string>() : kDefaultSpec;
  return parsed;
}

void print_help(std::span<const Command> commands, std::ostream& out) {
  out << "usage: glance-catalog [--spec SPEC] COMMAND [ARGUMENT...] [OPTION...]\n"
         "\n"
         "The operator's tool for an image catalog. SPEC is a glance-api.conf, a directory or a\n"
         "database URL.\n"
         "\n"
      << program_options();
  for (const auto& command : commands) {
    out << '\n' << usage_line(command) << "\n  " << command.summary << '\n' << command.options;
  }
  out << "\nExit codes:\n";
  for (const auto& [code, text] : exit_meanings()) {
    out << fmt::format("  {}  {}\n", static_cast<int>(code), text);
  }
}

void print_command_help(const Command& command, std::ostream& out) {
  out << "usage: glance-catalog [--spec SPEC] " << usage_line(command) << "\n\n  "
      << command.summary << "\n\n"
      << command.options << '\n'
      << common_options();
}

}  // namespace glance::tool
