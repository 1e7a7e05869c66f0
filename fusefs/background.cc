// SPDX-License-Identifier: Apache-2.0
#include "fusefs/background.h"

#include <array>
#include <cerrno>
#include <cstdlib>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "catalog/error.h"
#include "catalog/unique_fd.h"

namespace glance::fs {

namespace {

constexpr char kReady = '+';
constexpr char kFailed = '-';

class PipeReport final : public StartReport {
 public:
  explicit PipeReport(UniqueFd fd) : fd_(std::move(fd)) {}

  void ready() override { send(std::string(1, kReady)); }
  void failed(const std::string& why) override { send(kFailed + why); }

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

}  // namespace

std::string run_in_background(const std::function<void(StartReport&)>& daemon) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw_errno(errno, "pipe");
  UniqueFd reading(ends[0]);
  UniqueFd writing(ends[1]);
  const pid_t child = ::fork();
  if (child < 0) throw_errno(errno, "fork");
  if (child == 0) {
    reading = UniqueFd();
    PipeReport report(std::move(writing));
    leave_terminal();
    daemon(report);
    std::exit(EXIT_SUCCESS);
  }
  writing = UniqueFd();
  const std::string report = read_to_end(reading.get());
  if (report.starts_with(kReady)) return "";
  if (report.starts_with(kFailed)) return report.substr(1);
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFSIGNALED(status)
             ? "the daemon was killed by signal " + std::to_string(WTERMSIG(status))
             : "the daemon exited with status " + std::to_string(WEXITSTATUS(status));
}

}  // namespace glance::fs
