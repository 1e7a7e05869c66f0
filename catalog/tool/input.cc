// SPDX-License-Identifier: Apache-2.0
#include "catalog/tool/input.h"

#include <cerrno>
#include <filesystem>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "catalog/base/error.h"
#include "catalog/tool/exit_code.h"

namespace glance::tool {

namespace {

constexpr const char* kStandardInput = "-";

int open_path(const std::string& path) {
  if (path == kStandardInput) return ::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
  return ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY);
}

std::optional<std::uint64_t> bytes_to_come(int fd, const struct ::stat& status) {
  if (!S_ISREG(status.st_mode) && !S_ISBLK(status.st_mode)) return std::nullopt;
  // The standard input may stand anywhere in its file.
  const off_t here = ::lseek(fd, 0, SEEK_CUR);
  const off_t end = S_ISREG(status.st_mode) ? status.st_size : ::lseek(fd, 0, SEEK_END);
  if (here < 0 || end < here || ::lseek(fd, here, SEEK_SET) < 0) return std::nullopt;
  // Those of /proc and /sys are not what they say they are.
  if (end == 0) return std::nullopt;
  return static_cast<std::uint64_t>(end - here);
}

}  // namespace

Input::Input(const std::string& path) : path_(path), fd_(open_path(path)) {
  if (!fd_) throw_errno(errno, "opening " + path);
  struct ::stat status{};
  if (::fstat(fd_.get(), &status) != 0) throw_errno(errno, path);
  if (S_ISDIR(status.st_mode)) throw Error(Errc::invalid, path + " is a directory");
  if (::isatty(fd_.get()) == 1) throw UsageError("image data are not read from a terminal");
  size_ = bytes_to_come(fd_.get(), status);
}

std::optional<std::string> Input::name() const {
  if (path_ == kStandardInput) return std::nullopt;
  return std::filesystem::path(path_).filename().string();
}

std::size_t Input::read(std::span<std::byte> into, const Interruption& interruption) const {
  std::size_t done = 0;
  while (done < into.size()) {
    interruption.wait_readable(fd_.get());
    const ssize_t count = ::read(fd_.get(), into.data() + done, into.size() - done);
    if (count < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (count < 0) throw_errno(errno, "reading " + path_);
    if (count == 0) break;
    done += static_cast<std::size_t>(count);
  }
  return done;
}

}  // namespace glance::tool
