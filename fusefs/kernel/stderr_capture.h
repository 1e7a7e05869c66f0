// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "catalog/os/unique_fd.h"

namespace glance::fs {

/// libfuse's words, and those of fusermount3, which it runs: what is written to stderr while this
/// lives is kept. No other thread may write to stderr meanwhile.
class StderrCapture {
 public:
  StderrCapture();
  ~StderrCapture();
  StderrCapture(const StderrCapture&) = delete;
  StderrCapture& operator=(const StderrCapture&) = delete;

  /// The first line: later ones repeat it in more general words.
  [[nodiscard]] std::string first_line() const;

 private:
  UniqueFd kept_;
  UniqueFd before_;
};

}  // namespace glance::fs
