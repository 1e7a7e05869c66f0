// SPDX-License-Identifier: Apache-2.0
#include "fusefs/writing/process.h"

#include <charconv>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

namespace glance::fs {

namespace {

constexpr unsigned long kExiting = 0x4;           // PF_EXITING
constexpr unsigned long kKilledBySignal = 0x400;  // PF_SIGNALED
constexpr int kFlagsField = 9;
constexpr int kExitCodeField = 52;

std::optional<std::string> read_file_at(int directory, const char* path) {
  const UniqueFd fd(::openat(directory, path, O_RDONLY | O_CLOEXEC));
  if (!fd) return std::nullopt;
  std::string text;
  char buffer[4096];
  for (;;) {
    const ssize_t count = ::read(fd.get(), buffer, sizeof buffer);
    if (count < 0) return std::nullopt;
    if (count == 0) return text;
    text.append(buffer, static_cast<std::size_t>(count));
  }
}

std::optional<std::string> read_proc(pid_t pid, const char* file) {
  const std::string path = "/proc/" + std::to_string(pid) + "/" + file;
  return read_file_at(AT_FDCWD, path.c_str());
}

template <typename Number>
std::optional<Number> to_number(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end == text.data()) return std::nullopt;
  return number;
}

/// The number after `key` at the beginning of a line, e.g. "ino:\t42".
template <typename Number>
std::optional<Number> line_number_value(std::string_view text, std::string_view key) {
  for (std::size_t at = 0; at < text.size();) {
    const std::string_view line = text.substr(at, text.find('\n', at) - at);
    if (line.starts_with(key)) {
      const auto value = line.find_first_not_of(" \t", key.size());
      return value == std::string_view::npos ? std::nullopt : to_number<Number>(line.substr(value));
    }
    at += line.size() + 1;
  }
  return std::nullopt;
}

/// Field `number` of /proc/PID/stat, counted from 1; only those behind the command, which may
/// itself hold blanks and parentheses.
std::string_view stat_field(std::string_view stat, int number) {
  const auto command_end = stat.rfind(')');
  if (command_end == std::string_view::npos) return {};
  std::string_view rest = stat.substr(command_end + 2);  // starts with field 3
  for (int field = 3; field < number; ++field) {
    const auto blank = rest.find(' ');
    if (blank == std::string_view::npos) return {};
    rest.remove_prefix(blank + 1);
  }
  return rest.substr(0, rest.find_first_of(" \n"));
}

/// The mount ids under which the process sees the filesystem `device`.
std::optional<std::set<int>> mount_ids(pid_t process, dev_t device) {
  const auto mountinfo = read_proc(process, "mountinfo");
  if (!mountinfo) return std::nullopt;
  const std::string wanted = std::to_string(major(device)) + ":" + std::to_string(minor(device));
  std::set<int> ids;
  const std::string_view all(*mountinfo);
  for (std::size_t at = 0; at < all.size();) {
    const std::string_view line = all.substr(at, all.find('\n', at) - at);
    // "36 35 0:52 / /mnt rw … ": id, parent, device
    const auto second = line.find(' ');
    const auto third = line.find(' ', second + 1);
    const auto id = to_number<int>(line);
    if (id && line.substr(third + 1).starts_with(wanted + " ")) ids.insert(*id);
    at += line.size() + 1;
  }
  return ids;
}

}  // namespace

std::optional<pid_t> process_of(pid_t thread) noexcept try {
  const auto status = read_proc(thread, "status");
  return status ? line_number_value<pid_t>(*status, "Tgid:") : std::nullopt;
} catch (const std::exception&) {
  return std::nullopt;
}

std::optional<int> exit_code(pid_t thread) noexcept try {
  const auto stat = read_proc(thread, "stat");
  if (!stat) return std::nullopt;
  const auto flags = to_number<unsigned long>(stat_field(*stat, kFlagsField));
  if (!flags || (*flags & kExiting) == 0) return std::nullopt;
  const auto code = to_number<int>(stat_field(*stat, kExitCodeField));
  if (code && *code != 0) return code;
  // Another user's exit code reads as 0 without CAP_SYS_PTRACE; the flag is there for all. It has
  // false alarms (threaded writers that exit without a close), so it counts only then.
  const bool code_is_hidden =
      ::access(("/proc/" + std::to_string(thread) + "/fdinfo").c_str(), R_OK) != 0;
  if (code_is_hidden && (*flags & kKilledBySignal) != 0) return 9;
  return 0;
} catch (const std::exception&) {
  return std::nullopt;
}

UniqueFd open_process(pid_t process) noexcept {
  return UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, process, 0)));
}

bool has_exited(int process_fd) noexcept {
  pollfd waiting{.fd = process_fd, .events = POLLIN, .revents = 0};
  return ::poll(&waiting, 1, 0) > 0;
}

std::optional<bool> has_descriptor(pid_t process, std::uint64_t inode, dev_t device) noexcept try {
  const std::string path = "/proc/" + std::to_string(process) + "/fdinfo";
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir(path.c_str()), &::closedir);
  if (!directory) return std::nullopt;
  std::optional<std::set<int>> ids;
  while (const dirent* entry = ::readdir(directory.get())) {
    if (entry->d_name[0] == '.') continue;
    const auto info = read_file_at(::dirfd(directory.get()), entry->d_name);
    if (!info) continue;  // closed meanwhile
    const auto number = line_number_value<std::uint64_t>(*info, "ino:");
    if (!number) return std::nullopt;  // a kernel before 5.14 does not tell
    if (*number != inode) continue;
    if (!ids) ids = mount_ids(process, device);
    if (!ids) return std::nullopt;
    const auto mount = line_number_value<int>(*info, "mnt_id:");
    if (mount && ids->contains(*mount)) return true;
  }
  return false;
} catch (const std::exception&) {
  return std::nullopt;
}

}  // namespace glance::fs
