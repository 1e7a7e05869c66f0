// SPDX-License-Identifier: Apache-2.0
#include "catalog/os/disk_error.h"

#include <algorithm>
#include <array>
#include <system_error>

#include "catalog/base/error.h"

namespace glance {

void throw_disk_errno(int errno_value, const std::string& what) {
  constexpr std::array kOutOfReach = {EACCES, EPERM, ENOENT, ENOTDIR, ELOOP, ESTALE};
  if (std::ranges::find(kOutOfReach, errno_value) == kOutOfReach.end()) {
    throw_errno(errno_value, what);
  }
  throw Error(Errc::unavailable, what + ": " + std::generic_category().message(errno_value),
              Error::Words::foreign);
}

}  // namespace glance
