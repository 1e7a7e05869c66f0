// SPDX-License-Identifier: Apache-2.0
#include "fusefs/kernel/stderr_capture.h"

#include <array>
#include <string_view>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace glance::fs {

StderrCapture::StderrCapture()
    : kept_(::memfd_create("stderr", MFD_CLOEXEC)),
      before_(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1)) {
  if (kept_ && before_) ::dup2(kept_.get(), STDERR_FILENO);
}

StderrCapture::~StderrCapture() {
  if (kept_ && before_) ::dup2(before_.get(), STDERR_FILENO);
}

std::string StderrCapture::first_line() const {
  std::array<char, 1024> buffer{};
  const ssize_t count = ::pread(kept_.get(), buffer.data(), buffer.size(), 0);
  if (count <= 0) return {};
  const std::string_view text(buffer.data(), static_cast<std::size_t>(count));
  return std::string(text.substr(0, text.find('\n')));
}

}  // namespace glance::fs
