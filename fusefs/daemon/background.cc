// SPDX-License-Identifier: Apache-2.0
#include "fusefs/daemon/background.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "catalog/base/error.h"
#include "catalog/os/unique_fd.h"
#include "fusefs/daemon/end_signals.h"

namespace glance::fs {

namespace {

// The first byte of a report: this, or the exit code, which the reason follows.
constexpr char kReady = 0;

class PipeReport final : public StartReport {
 public:
  explicit PipeReport(UniqueFd fd) : fd_(std::move(fd)) {}

  void ready() override { send(std::string(1, kReady)); }
  void failed(ExitCode code, const std::string& why) override {
    send(static_cast<char>(code) + why);
  }

 private:
  void send(const std::string& text) {
    // If nobody listens any more there is nobody to tell.
    static_cast<void>(!::write(fd_.get(), text.data(), text.size()));
    fd_ = UniqueFd();
  }

  UniqueFd fd_;
};

std::string read_to_end(int fd) {
  std::string text;
  std::array<char, 512> buffer{};
  for (;;) {
    const ssize_t count = ::read(fd, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(count));
  }
}

void leave_terminal() {
  ::setsid();
  if (::chdir("/") != 0) throw_errno(errno, "chdir to /");
  const UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!null) throw_errno(errno, "opening /dev/null");
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) ::dup2(null.get(), fd);
}

/// The child's whole life.
[[noreturn]] void live(UniqueFd writing, const std::function<int(StartReport&)>& daemon) {
  PipeReport report(std::move(writing));
  try {
    leave_terminal();
  } catch (const Error& error) {
    report.failed(ExitCode::system, error.what());
    std::exit(static_cast<int>(ExitCode::system));
  }
  std::exit(daemon(report));
}

int wait_for(pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) throw_errno(errno, "waitpid");
  }
  return status;
}

std::string how_it_died(int status) {
  return WIFSIGNALED(status)
             ? "the daemon was killed by signal " + std::to_string(WTERMSIG(status))
             : "the daemon exited with status " + std::to_string(WEXITSTATUS(status));
}

}  // namespace

void run_in_background(const std::function<int(StartReport&)>& daemon) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw_errno(errno, "pipe");
  UniqueFd reading(ends[0]);
  UniqueFd writing(ends[1]);
  EndSignals signals;
  const pid_t child = ::fork();
  if (child < 0) throw StartFailure(ExitCode::system, "cannot start the daemon: no process left");
  if (child == 0) {
    signals.restore();
    reading = UniqueFd();
    live(std::move(writing), daemon);
  }
  writing = UniqueFd();
  if (signals.wait_for_signal_or(reading.get()) == EndSignals::Event::signal) {
    ::kill(child, SIGTERM);
    wait_for(child);
    throw StartFailure(ExitCode::interrupted, "interrupted");
  }
  const std::string report = read_to_end(reading.get());
  if (report.empty()) throw StartFailure(ExitCode::mount, how_it_died(wait_for(child)));
  if (report.front() != kReady) {
    throw StartFailure(static_cast<ExitCode>(report.front()), report.substr(1));
  }
}

}  // namespace glance::fs
