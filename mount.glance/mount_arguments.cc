// SPDX-License-Identifier: Apache-2.0
#include "mount.glance/mount_arguments.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

namespace glance::mount_helper {
namespace {

// What mount(8) and systemd say to each other in the option list, and flags that change nothing
// on this filesystem (it keeps its own times and has no symbolic links). `owner` and `group` are
// mount's own words only where they have no value: `owner=` is glancefs's.
constexpr std::array<std::string_view, 31> kForMountOnly = {
    "",           "_netdev",    "auto",     "noauto",      "defaults", "nofail",      "user",
    "nouser",     "users",      "nousers",  "owner",       "noowner",  "group",       "nogroup",
    "atime",      "diratime",   "relatime", "strictatime", "lazytime", "nolazytime",  "iversion",
    "noiversion", "mand",       "nomand",   "silent",      "loud",     "nosymfollow", "symfollow",
    "bootwait",   "nobootwait", "optional"};

constexpr std::array<std::string_view, 6> kForMountOnlyPrefixes = {
    "comment=", "user=", "helper=", "uhelper=", "x-", "X-"};

// The flags that the kernel can change in place (mount(8), "Filesystem-independent mount
// options"). mount(8) adds whatever fstab and the mount table say, so the rest is left out.
constexpr std::array<std::string_view, 24> kRemountable = {
    "ro",         "rw",         "suid",        "nosuid",        "dev",
    "nodev",      "exec",       "noexec",      "sync",          "async",
    "dirsync",    "atime",      "noatime",     "diratime",      "nodiratime",
    "relatime",   "norelatime", "strictatime", "nostrictatime", "lazytime",
    "nolazytime", "symfollow",  "nosymfollow", "bind"};

template <typename List>
bool contains(const List& list, std::string_view word) {
  return std::ranges::find(list, word) != list.end();
}

bool is_for_mount_only(std::string_view option) {
  return contains(kForMountOnly, option) ||
         std::ranges::any_of(kForMountOnlyPrefixes,
                             [&](std::string_view prefix) { return option.starts_with(prefix); });
}

/// The command line, taken apart.
struct Arguments {
  std::vector<std::string> names;  // SPEC and DIR, or DIR alone
  std::string flags;               // letters, in order
  std::string options;             // all -o, joined
  std::optional<std::string> name_space;
};

std::string value_of(char flag, std::string_view rest, std::span<const std::string> arguments,
                     std::size_t& index) {
  if (!rest.empty()) {
    return std::string(rest);
  }
  if (++index == arguments.size()) {
    throw UsageError(std::string("option -") + flag + " needs a value");
  }
  return arguments[index];
}

/// Reads one argument like `-fvo ro`; `index` moves on where a value is an argument of its own.
void read_flags(std::string_view known, std::span<const std::string> arguments, std::size_t& index,
                Arguments& result) {
  const std::string& word = arguments[index];
  for (std::size_t at = 1; at < word.size(); ++at) {
    const char flag = word[at];
    if (known.find(flag) == std::string_view::npos) {
      throw UsageError("unknown option: " + word);
    }
    if (flag != 'o' && flag != 't' && flag != 'N') {
      result.flags += flag;
      continue;
    }
    const std::string value =
        value_of(flag, std::string_view(word).substr(at + 1), arguments, index);
    if (flag == 'o') {
      result.options += (result.options.empty() ? "" : ",") + value;
    } else if (flag == 'N') {
      result.name_space = value;
    }
    return;
  }
}

Arguments read_arguments(std::string_view known, std::span<const std::string> arguments) {
  Arguments result;
  bool only_names = false;
  for (std::size_t index = 0; index < arguments.size(); ++index) {
    const std::string& word = arguments[index];
    if (only_names || word.size() < 2 || word.front() != '-') {
      result.names.push_back(word);
    } else if (word == "--") {
      only_names = true;
    } else {
      read_flags(known, arguments, index, result);
    }
  }
  return result;
}

void require_name(std::string_view what, const std::string& name) {
  if (name.empty()) {
    throw UsageError(std::string(what) + " is empty");
  }
  if (name.front() == '-') {
    throw UsageError(std::string(what) + " must not begin with '-': " + name);
  }
}

std::string join(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) {
    text += (text.empty() ? "" : ",") + word;
  }
  return text;
}

void append_options(std::vector<std::string>& command, const std::vector<std::string>& options) {
  if (!options.empty()) {
    command.insert(command.end(), {"-o", join(options)});
  }
}

/// What glancefs is told: of `ro` and `rw` the last one counts, as everywhere in mount(8), and
/// `rw` is what it does anyway.
std::vector<std::string> daemon_options(const std::vector<std::string>& options, bool sloppy) {
  std::vector<std::string> result;
  bool read_only = false;
  for (const std::string& option : options) {
    if (option == "ro" || option == "rw") {
      read_only = option == "ro";
    } else if (!is_for_mount_only(option)) {
      result.push_back(option);
    }
  }
  if (read_only) {
    result.insert(result.begin(), "ro");
  }
  if (sloppy) {
    result.emplace_back("sloppy");
  }
  return result;
}

std::vector<std::string> remount_options(const std::vector<std::string>& options) {
  std::vector<std::string> result = {"remount"};
  std::ranges::copy_if(options, std::back_inserter(result),
                       [](const std::string& option) { return contains(kRemountable, option); });
  return result;
}

bool has_flag(const Arguments& arguments, char flag) {
  return arguments.flags.find(flag) != std::string::npos;
}

void refuse_flags(const std::vector<std::string>& options) {
  for (const std::string& option : options) {
    if (option.front() == '-') {
      throw UsageError("a mount option must not begin with '-': " + option);
    }
  }
}

void append_namespace(std::vector<std::string>& command, const Arguments& arguments) {
  if (arguments.name_space) {
    command.insert(command.end(), {"-N", *arguments.name_space});
  }
}

Plan plan_remount(const Arguments& arguments, const std::vector<std::string>& options) {
  Plan plan;
  plan.task = has_flag(arguments, 'f') ? Task::nothing : Task::remount;
  plan.command = {"mount", "-i"};
  append_namespace(plan.command, arguments);
  append_options(plan.command, remount_options(options));
  plan.command.insert(plan.command.end(), {"--", arguments.names[0], arguments.names[1]});
  return plan;
}

/// Of FUSE mounts umount(8) sees no more than the type "fuse" and would not look for our helper:
/// this writes its name to /run/mount/utab.
std::vector<std::string> note_of_helper(const Arguments& arguments) {
  std::vector<std::string> command = {"mount", "-i", "-f"};
  append_namespace(command, arguments);
  command.insert(command.end(), {"-t", "fuse.glance", "-o", "uhelper=fuse.glance", "--",
                                 arguments.names[0], arguments.names[1]});
  return command;
}

Plan plan_mount(std::span<const std::string> words) {
  const Arguments arguments = read_arguments("sfnvNot", words);
  if (arguments.names.size() != 2) {
    throw UsageError("expected SPEC and DIR, got " + std::to_string(arguments.names.size()) +
                     " names; see --help");
  }
  require_name("SPEC", arguments.names[0]);
  require_name("DIR", arguments.names[1]);
  const std::vector<std::string> options = split_options(arguments.options);
  refuse_flags(options);
  Plan plan;
  if (contains(options, "remount")) {
    plan = plan_remount(arguments, options);
  } else if (has_flag(arguments, 'f')) {
    plan.task = Task::check;
    plan.command = {"glancefs", arguments.names[0], arguments.names[1], "--check"};
  } else {
    plan.task = Task::mount;
    plan.command = {"glancefs", arguments.names[0], arguments.names[1]};
    plan.note = note_of_helper(arguments);
  }
  if (plan.command.front() == "glancefs") {
    append_namespace(plan.command, arguments);
    append_options(plan.command, daemon_options(options, has_flag(arguments, 's')));
  }
  plan.directory = arguments.names[1];
  plan.verbose = has_flag(arguments, 'v');
  return plan;
}

Plan plan_unmount(std::span<const std::string> words) {
  const Arguments arguments = read_arguments("flnrvNt", words);
  if (arguments.names.size() != 1) {
    throw UsageError("expected one DIR, got " + std::to_string(arguments.names.size()) +
                     " names; see --help");
  }
  Plan plan;
  plan.task = Task::unmount;
  plan.directory = arguments.names[0];
  plan.verbose = has_flag(arguments, 'v');
  require_name("DIR", plan.directory);
  plan.command = {"umount", "-i"};
  if (!arguments.flags.empty()) {
    plan.command.push_back("-" + arguments.flags);
  }
  append_namespace(plan.command, arguments);
  plan.command.insert(plan.command.end(), {"--", plan.directory});
  return plan;
}

}  // namespace

Plan make_plan(std::string_view program, std::span<const std::string> arguments) {
  const auto asks_for = [&](std::string_view flag, std::string_view word) {
    return std::ranges::any_of(arguments, [&](const std::string& argument) {
      return argument == flag || argument == word;
    });
  };
  Plan plan;
  if (asks_for("-h", "--help")) {
    plan.task = Task::help;
    return plan;
  }
  if (asks_for("-V", "--version")) {
    plan.task = Task::version;
    return plan;
  }
  const std::string_view name = program.substr(program.rfind('/') + 1);
  return name.starts_with("umount.") ? plan_unmount(arguments) : plan_mount(arguments);
}

std::vector<std::string> split_options(std::string_view text) {
  std::vector<std::string> options;
  std::string option;
  bool quoted = false;
  for (const char letter : text) {
    if (letter == ',' && !quoted) {
      options.push_back(std::exchange(option, {}));
      continue;
    }
    quoted = (letter == '"') != quoted;
    option += letter;
  }
  if (quoted) {
    throw UsageError("a quote is not closed in the options: " + std::string(text));
  }
  options.push_back(std::move(option));
  std::erase(options, "");
  return options;
}

}  // namespace glance::mount_helper
