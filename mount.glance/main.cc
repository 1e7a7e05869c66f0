// SPDX-License-Identifier: Apache-2.0
#include <cerrno>
#include <chrono>
#include <cstring>
#include <exception>
#include <filesystem>
#include <functional>
#include <iostream>
#include <string>
#include <system_error>
#include <vector>

#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mount.glance/mount_arguments.h"
#include "mount.glance/unmount.h"
#include "version.h"

namespace glance::mount_helper {
namespace {

namespace fs = std::filesystem;

// mount(8), "Exit status".
constexpr int kSuccess = 0;
constexpr int kUsage = 1;
constexpr int kSystemError = 2;
constexpr int kMountFailure = 32;

// Long enough to digest some 300 GB that a writer left for the last moment. Who wants to wait
// shorter can: the unmount itself is done by then, systemd has TimeoutSec=, a terminal Ctrl-C.
constexpr std::chrono::minutes kLongestWait{10};

constexpr const char* kHelp =
    "Usage: mount.glance SPEC DIR [-fnsv] [-o OPTIONS] [-t TYPE]\n"
    "       umount.fuse.glance DIR [-flnrv] [-N NAMESPACE] [-t TYPE]\n"
    "\n"
    "Helper of mount(8) and umount(8) for image catalogs: it starts glancefs, and waits for it\n"
    "to finish. SPEC is a glance-api.conf, a directory or a database URL.\n"
    "\n"
    "  -o OPTIONS  mount options, separated by commas; see glancefs(8)\n"
    "  -f          check the call, but mount nothing\n"
    "  -s          ignore unknown options\n"
    "  -v          say what is run\n"
    "  -n, -t      accepted for mount(8)'s sake\n"
    "  --help, --version\n";

int fail(int code, const std::string& message) {
  std::cerr << "mount.glance: " << message << '\n';
  return code;
}

/// The glancefs of the same installation or build tree as this program, so that a helper never
/// runs another version's daemon; else the one where the package puts it. PATH is not asked: on
/// behalf of mount(8) this runs as root.
std::string find_glancefs() {
  std::error_code error;
  const fs::path own = fs::read_symlink("/proc/self/exe", error).parent_path();
  if (!error) {
    for (const char* beside : {"../bin/glancefs", "../fusefs/glancefs"}) {
      const fs::path candidate = (own / beside).lexically_normal();
      if (::access(candidate.c_str(), X_OK) == 0) {
        return candidate;
      }
    }
  }
  return GLANCE_INSTALLED_GLANCEFS;
}

std::string find_program(const std::string& name) {
  if (name == "glancefs") {
    return find_glancefs();
  }
  const std::string path = "/usr/bin/" + name;
  return ::access(path.c_str(), X_OK) == 0 ? path : "/bin/" + name;
}

/// Replaces this process; returns only where that fails.
int execute(const std::string& program, const std::vector<std::string>& command) {
  std::vector<char*> arguments;
  arguments.reserve(command.size() + 1);
  for (const std::string& word : command) {
    arguments.push_back(const_cast<char*>(word.c_str()));  // execv(3) does not write to them
  }
  arguments.push_back(nullptr);
  ::execv(program.c_str(), arguments.data());
  return fail(kSystemError, "cannot run " + program + ": " + std::strerror(errno));
}

/// With `-v`, says what is about to run.
void show(const Plan& plan, const std::string& program) {
  if (!plan.verbose) {
    return;
  }
  std::cout << "mount.glance: " << program;
  for (std::size_t at = 1; at < plan.command.size(); ++at) {
    std::cout << ' ' << plan.command[at];
  }
  std::cout << '\n' << std::flush;  // execv discards what is not flushed
}

/// Runs the command in a child process and returns its exit code. While it runs, `meanwhile` is
/// called once with the child's id.
int run(
    const std::string& program, const std::vector<std::string>& command,
    const std::function<void(pid_t)>& meanwhile = [](pid_t) {}) {
  const pid_t child = ::fork();
  if (child < 0) {
    return fail(kSystemError, std::string("fork: ") + std::strerror(errno));
  }
  if (child == 0) {
    ::_exit(execute(program, command));
  }
  meanwhile(child);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) {
      return fail(kSystemError, std::string("waitpid: ") + std::strerror(errno));
    }
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : kMountFailure;
}

/// What can be told without mounting; glancefs itself looks closer.
int check(const Plan& plan) {
  struct stat status{};
  if (::stat(plan.directory.c_str(), &status) != 0) {
    return fail(kMountFailure, plan.directory + ": " + std::strerror(errno));
  }
  if (!S_ISDIR(status.st_mode)) {
    return fail(kMountFailure, plan.directory + " is not a directory");
  }
  const bool is_path = plan.spec.find("://") == std::string::npos;
  if (is_path && !plan.creates && ::stat(plan.spec.c_str(), &status) != 0) {
    return fail(kMountFailure, plan.spec + ": " + std::strerror(errno));
  }
  return kSuccess;
}

/// A daemon that was killed leaves a mount on which everything fails, a new mount too. Nothing is
/// lost by taking it away; programs that still have files open there keep failing as before.
/// (ECONNABORTED: the daemon is dying at this moment.)
void clear_dead_mount(const Plan& plan) {
  struct statfs status{};  // unlike stat(2), it is not answered from the kernel's cache
  if (::statfs(plan.directory.c_str(), &status) == 0 ||
      (errno != ENOTCONN && errno != ECONNABORTED)) {
    return;
  }
  if (plan.verbose) {
    std::cout << "mount.glance: " << plan.directory
              << " is a mount whose daemon died: unmounting\n";
  }
  run(find_program("umount"), {"umount", "-i", "-l", "--", plan.directory});
}

/// Runs glancefs, then notes in /run/mount/utab that this mount has an unmount helper: of FUSE
/// mounts umount(8) sees no more than the type "fuse" and would not look for ours. Without the
/// note (a user may not write it) umount just does not wait for the daemon.
int mount(const Plan& plan) {
  clear_dead_mount(plan);
  const std::string program = find_program(plan.command.front());
  show(plan, program);
  if (const int code = run(program, plan.command); code != kSuccess) {
    return code;
  }
  if (::geteuid() == 0) {
    run(find_program("mount"), {"mount", "-i", "-f", "-t", "fuse.glance", "-o",
                                "uhelper=fuse.glance", "--", plan.spec, plan.directory});
  }
  return kSuccess;
}

int unmount(const Plan& plan) {
  Daemons daemons = Daemons::find();
  const std::string program = find_program(plan.command.front());
  show(plan, program);
  const auto watch = [&daemons](pid_t child) { daemons.watch(open_process(child).get()); };
  if (const int code = run(program, plan.command, watch); code != kSuccess) {
    return code;
  }
  daemons.keep_ended();
  if (plan.verbose && !daemons.names().empty()) {
    std::cout << "mount.glance: waiting for glancefs (process " << daemons.names() << ")\n";
  }
  if (!daemons.wait(kLongestWait)) {
    std::cerr << "mount.glance: " << plan.directory << " is unmounted, but glancefs (process "
              << daemons.names() << ") is still at work\n";
  }
  return kSuccess;
}

int carry_out(const Plan& plan) {
  switch (plan.task) {
    case Task::help:
      std::cout << kHelp;
      return kSuccess;
    case Task::version:
      std::cout << "mount.glance " << kVersion << '\n';
      return kSuccess;
    case Task::check:
      return check(plan);
    case Task::unmount:
      return unmount(plan);
    case Task::mount:
      return mount(plan);
    case Task::remount:
      break;
  }
  const std::string program = find_program(plan.command.front());
  show(plan, program);
  return execute(program, plan.command);
}

}  // namespace
}  // namespace glance::mount_helper

int main(int argc, char** argv) {
  using namespace glance::mount_helper;
  try {
    const std::vector<std::string> arguments(argv + (argc > 0 ? 1 : 0), argv + argc);
    return carry_out(make_plan(argc > 0 ? argv[0] : "", arguments));
  } catch (const UsageError& error) {
    return fail(kUsage, error.what());
  } catch (const std::exception& error) {
    return fail(kSystemError, error.what());
  }
}
