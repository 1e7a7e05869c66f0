// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <string_view>

#include "catalog/base/sync.h"
#include "catalog/os/unique_fd.h"

namespace glance::api {

/// A file that lines are appended to, one write(2) each, so that the lines of several threads and
/// processes stay whole. reopen() follows what logrotate(8) has renamed. Safe for concurrent use.
class LogFile {
 public:
  /// An empty path stands for standard error. Throws Error that names the file.
  explicit LogFile(std::filesystem::path path);

  /// Never throws: a log that cannot be written must not stop the service.
  void append(std::string_view line) noexcept EXCLUDES(mutex_);

  /// Opens the path anew. Throws Error; the old file stays in use then.
  void reopen() EXCLUDES(mutex_);

 private:
  const std::filesystem::path path_;
  Mutex mutex_;  // a leaf
  std::shared_ptr<const UniqueFd> file_ GUARDED_BY(mutex_);
};

}  // namespace glance::api
