// SPDX-License-Identifier: Apache-2.0
#include "fusefs/daemon/mount_namespace.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include "catalog/base/error.h"
#include "fusefs/daemon/start_failure.h"

namespace glance::fs {
namespace {

bool is_number(const std::string& text) noexcept {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

[[noreturn]] void fail_to_enter(const std::string& name) {
  throw StartFailure(ExitCode::usage,
                     "cannot enter the mount namespace " + name + ": " + std::strerror(errno));
}

UniqueFd open_namespace(const std::string& file, const std::string& name) {
  UniqueFd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) fail_to_enter(name);
  return fd;
}

std::string read_to_end(int fd) {
  std::string text;
  std::array<char, 16384> buffer{};
  for (;;) {
    const ssize_t count = ::read(fd, buffer.data(), buffer.size());
    if (count < 0) throw_errno(errno, "reading mountinfo");
    if (count == 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(count));
  }
}

/// Moves the thread into the namespace, and back at the end of the block.
class Visit {
 public:
  Visit(int fd, const std::string& name)
      : home_(open_namespace("/proc/thread-self/ns/mnt", "of this process")) {
    // A thread that shares its root and working directory with others may not change namespaces.
    if (::unshare(CLONE_FS) != 0 || ::setns(fd, CLONE_NEWNS) != 0) fail_to_enter(name);
  }
  ~Visit() { ::setns(home_.get(), CLONE_NEWNS); }
  Visit(const Visit&) = delete;
  Visit& operator=(const Visit&) = delete;

 private:
  UniqueFd home_;
};

}  // namespace

MountNamespace::MountNamespace(const std::string& name)
    : name_(name),
      fd_(open_namespace(is_number(name) ? "/proc/" + name + "/ns/mnt" : name, name)),
      identity_(std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(fd_.get()))) {}

UniqueFd MountNamespace::open() const {
  const std::filesystem::path own = "/proc/self/fd/" + std::to_string(fd_.get());
  if (fd_) return open_namespace(own, name_);
  std::error_code error;
  for (std::filesystem::directory_iterator process("/proc", error), end; !error && process != end;
       process.increment(error)) {
    const std::filesystem::path link = process->path() / "ns/mnt";
    std::error_code unreadable;
    if (std::filesystem::read_symlink(link, unreadable) == identity_)
      return open_namespace(link, name_);
  }
  errno = ESRCH;
  fail_to_enter(name_);
}

void MountNamespace::within(const std::function<void()>& work) const {
  if (is_ours()) return work();
  const UniqueFd there = open();
  const Visit visit(there.get(), name_);
  work();
}

std::vector<MountedFilesystem> MountNamespace::mount_table() const {
  // Opened here: the other namespace may have no /proc, or one in which we do not exist. Not
  // /proc/self, which stays the process's first thread's.
  const UniqueFd self(::open("/proc/thread-self", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!self) throw_errno(errno, "opening /proc/thread-self");
  std::string text;
  within([&] {
    const UniqueFd file(::openat(self.get(), "mountinfo", O_RDONLY | O_CLOEXEC));
    if (!file) throw_errno(errno, "opening mountinfo");
    text = read_to_end(file.get());
  });
  return parse_mount_table(text);
}

}  // namespace glance::fs
