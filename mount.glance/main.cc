// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cctype>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <exception>
#include <filesystem>
#include <functional>
#include <iostream>
#include <string>
#include <system_error>
#include <vector>

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
constexpr int kInterrupted = 8;
constexpr int kMountFailure = 32;

// Long enough to digest some 300 GB that a writer left for the last moment. Who wants to wait
// shorter can: the unmount itself is done by then, systemd has TimeoutSec=, a terminal Ctrl-C.
constexpr std::chrono::minutes kLongestWait{10};

constexpr const char* kHelp =
    "Usage: mount.glance SPEC DIR [-fnsv] [-N NAMESPACE] [-o OPTIONS] [-t TYPE]\n"
    "       umount.fuse.glance DIR [-flnrv] [-N NAMESPACE] [-t TYPE]\n"
    "\n"
    "Helper of mount(8) and umount(8) for image catalogs: it starts glancefs, and waits for it\n"
    "to finish. SPEC is a glance-api.conf, a directory or a database URL.\n"
    "\n"
    "  -o OPTIONS    mount options, separated by commas; see glancefs(8)\n"
    "  -f            check the call, but mount nothing; umount: force it\n"
    "  -s            pass over unknown options\n"
    "  -v            say what is run\n"
    "  -N NAMESPACE  mount in that mount namespace: a process id or a file\n"
    "  -l, -r        umount's: lazily; else make it read-only\n"
    "  -n, -t TYPE   accepted for mount(8)'s sake\n"
    "  -h, --help, -V, --version\n"
    "\n"
    "Exit codes:\n"
    "  0   mounted and usable; umount: unmounted, and the daemon has finished\n"
    "  1   the call is wrong, or the caller may not mount there\n"
    "  2   the system failed: no /dev/fuse, a program could not be started\n"
    "  8   interrupted\n"
    "  32  the mount, or the unmount, failed\n";

/// The message on one line, whatever is in the names.
int fail(int code, std::string message) {
  std::ranges::replace_if(
      message, [](unsigned char letter) { return std::iscntrl(letter) != 0; }, '?');
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
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::_exit(execute(program, command));
  }
  meanwhile(child);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) {
      return fail(kSystemError, std::string("waitpid: ") + std::strerror(errno));
    }
  }
  if (WIFSIGNALED(status) && (WTERMSIG(status) == SIGINT || WTERMSIG(status) == SIGTERM)) {
    return kInterrupted;
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : kMountFailure;
}

/// While it lives, signals that end this process are passed on to the child instead: glancefs must
/// not be left behind half started. The child's end is waited for all the same.
class PassedSignals {
 public:
  PassedSignals() {
    ::sigemptyset(&set_);
    for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGCHLD}) {
      ::sigaddset(&set_, number);
    }
    ::sigprocmask(SIG_BLOCK, &set_, &before_);
  }
  ~PassedSignals() { ::sigprocmask(SIG_SETMASK, &before_, nullptr); }
  PassedSignals(const PassedSignals&) = delete;
  PassedSignals& operator=(const PassedSignals&) = delete;

  /// Returns when the child has ended; it is not reaped yet.
  void pass_to(pid_t child) const {
    for (;;) {
      siginfo_t ended{};
      if (::waitid(P_PID, static_cast<id_t>(child), &ended, WEXITED | WNOWAIT | WNOHANG) != 0 ||
          ended.si_pid == child) {
        return;
      }
      const int number = ::sigwaitinfo(&set_, nullptr);
      if (number > 0 && number != SIGCHLD) {
        ::kill(child, number);
      }
    }
  }

 private:
  sigset_t set_{};
  sigset_t before_{};
};

/// Runs glancefs, which returns when it has mounted or failed. The note that follows makes
/// umount(8) wait for the daemon's end; only root may write it, and a mount without it is a mount
/// all the same.
int mount(const Plan& plan) {
  const std::string program = find_program(plan.command.front());
  show(plan, program);
  {
    const PassedSignals signals;
    const int code = run(program, plan.command, [&](pid_t child) { signals.pass_to(child); });
    if (code != kSuccess) {
      return code;
    }
  }
  if (::geteuid() == 0 && !plan.note.empty()) {
    run(find_program(plan.note.front()), plan.note);
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
    case Task::nothing:
      return kSuccess;
    case Task::unmount:
      return unmount(plan);
    case Task::check:
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
  // Where it is inherited as ignored nobody hears of a child's end.
  std::signal(SIGCHLD, SIG_DFL);
  try {
    const std::vector<std::string> arguments(argv + (argc > 0 ? 1 : 0), argv + argc);
    return carry_out(make_plan(argc > 0 ? argv[0] : "", arguments));
  } catch (const UsageError& error) {
    return fail(kUsage, error.what());
  } catch (const std::exception& error) {
    return fail(kSystemError, error.what());
  }
}
