// SPDX-License-Identifier: Apache-2.0
#include "mount.glance/unmount.h"

#include <cerrno>
#include <charconv>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace glance::mount_helper {
namespace {

namespace fs = std::filesystem;

// glibc 2.36 declares these in <sys/pidfd.h> without extern "C": C++ cannot link to them.
int pidfd_open(pid_t pid) {
  return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
}

int pidfd_getfd(int process, int fd) {
  return static_cast<int>(::syscall(SYS_pidfd_getfd, process, fd, 0));
}

std::optional<int> to_number(const std::string& text) {
  int number = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc{} || stop != end) {
    return std::nullopt;
  }
  return number;
}

/// The entries of a folder of /proc whose names are numbers; processes may vanish while we look.
std::vector<int> numbers_in(const fs::path& folder) {
  std::vector<int> numbers;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    if (const auto number = to_number(entry->path().filename().string())) {
      numbers.push_back(*number);
    }
  }
  return numbers;
}

std::string target_of(const fs::path& link) {
  std::error_code error;
  return fs::read_symlink(link, error).string();
}

/// Also when the package was upgraded meanwhile: then the kernel appends " (deleted)".
bool is_glancefs(const fs::path& process) {
  const std::string program = target_of(process / "exe");
  const std::string name = program.substr(program.rfind('/') + 1);
  return name == "glancefs" || name == "glancefs (deleted)";
}

bool is_ended(const Descriptor& connection) {
  pollfd query{connection.get(), 0, 0};
  return ::poll(&query, 1, 0) > 0 && (query.revents & POLLERR) != 0;
}

}  // namespace

Descriptor::Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

Descriptor::~Descriptor() {
  if (fd_ >= 0) {
    ::close(fd_);
  }
}

bool Daemons::hold(pid_t pid, Daemon& daemon) {
  const fs::path process = fs::path("/proc") / std::to_string(pid);
  daemon.pid = pid;
  daemon.process = Descriptor(pidfd_open(pid));  // first, so that the pid stays this process
  if (!daemon.process.is_open() || !is_glancefs(process)) {
    return false;
  }
  for (const int fd : numbers_in(process / "fd")) {
    if (target_of(process / "fd" / std::to_string(fd)) == "/dev/fuse") {
      daemon.connection = Descriptor(pidfd_getfd(daemon.process.get(), fd));
      return daemon.connection.is_open() && !is_ended(daemon.connection);
    }
  }
  return false;
}

Daemons Daemons::find() {
  Daemons result;
  for (const int pid : numbers_in("/proc")) {
    Daemon daemon;
    if (hold(pid, daemon)) {
      result.daemons_.push_back(std::move(daemon));
    }
  }
  return result;
}

Descriptor open_process(pid_t pid) {
  return Descriptor(pidfd_open(pid));
}

void Daemons::watch(int child) {
  while (child >= 0) {  // a kernel without pidfds has given us no daemons either
    std::vector<pollfd> queries = {{child, POLLIN, 0}};
    for (const Daemon& daemon : daemons_) {
      // poll(2) passes over negative descriptors: those that have been let go of.
      const int process = daemon.connection.is_open() ? daemon.process.get() : -1;
      queries.push_back({process, POLLIN, 0});
    }
    if (::poll(queries.data(), queries.size(), -1) < 0 && errno != EINTR) {
      return;
    }
    if (queries.front().revents != 0) {
      return;
    }
    for (std::size_t i = 0; i < daemons_.size(); ++i) {
      if (queries[i + 1].revents != 0) {
        daemons_[i].connection = Descriptor();
      }
    }
  }
}

void Daemons::keep_ended() {
  std::erase_if(daemons_, [](const Daemon& daemon) { return !is_ended(daemon.connection); });
  for (Daemon& daemon : daemons_) {
    daemon.connection = Descriptor();  // or the daemon's own close would not be the last
  }
}

bool Daemons::wait(std::chrono::milliseconds limit) const {
  const auto end = std::chrono::steady_clock::now() + limit;
  for (const Daemon& daemon : daemons_) {
    pollfd query{daemon.process.get(), POLLIN, 0};
    for (;;) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
          end - std::chrono::steady_clock::now());
      if (left.count() <= 0) {
        return false;
      }
      const int ready = ::poll(&query, 1, static_cast<int>(left.count()));
      if (ready > 0) {
        break;
      }
    }
  }
  return true;
}

std::string Daemons::names() const {
  std::string text;
  for (const Daemon& daemon : daemons_) {
    text += (text.empty() ? "" : ", ") + std::to_string(daemon.pid);
  }
  return text;
}

}  // namespace glance::mount_helper
