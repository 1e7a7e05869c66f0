// SPDX-License-Identifier: Apache-2.0
#include "api-bridge/operation/log_file.h"

#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include "catalog/base/error.h"

namespace glance::api {
namespace {

constexpr mode_t kMode = 0640;

UniqueFd open_log(const std::filesystem::path& path) {
  UniqueFd file(path.empty()
                    ? ::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0)
                    : ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, kMode));
  if (!file) throw_errno(errno, "opening the log " + (path.empty() ? "stderr" : path.string()));
  return file;
}

}  // namespace

LogFile::LogFile(std::filesystem::path path)
    : path_(std::move(path)), file_(std::make_shared<const UniqueFd>(open_log(path_))) {}

void LogFile::append(std::string_view line) noexcept {
  std::shared_ptr<const UniqueFd> file;
  {
    MutexLock lock(mutex_);
    file = file_;
  }
  while (!line.empty()) {
    const auto size = ::write(file->get(), line.data(), line.size());
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return;
    line.remove_prefix(static_cast<std::size_t>(size));
  }
}

void LogFile::reopen() {
  if (path_.empty()) return;
  auto fresh = std::make_shared<const UniqueFd>(open_log(path_));
  MutexLock lock(mutex_);
  file_ = std::move(fresh);
}

}  // namespace glance::api
