// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdexcept>
#include <string>

namespace glance::fs {

/// Exit codes of a mount that cannot be made, as mount(8) has them.
enum class ExitCode {
  usage = 1,        ///< a wrong call, or the caller may not do it
  system = 2,       ///< no memory, no /dev/fuse
  interrupted = 8,  ///< by the user
  mount = 32,       ///< all else
};

/// The mount cannot be made, and mount(8) has a code of its own for why. `what()` is one line for
/// the user.
class StartFailure : public std::runtime_error {
 public:
  StartFailure(ExitCode code, const std::string& why) : std::runtime_error(why), code_(code) {}

  [[nodiscard]] ExitCode code() const noexcept { return code_; }

 private:
  ExitCode code_;
};

}  // namespace glance::fs
