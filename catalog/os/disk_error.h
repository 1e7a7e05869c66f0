// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cerrno>
#include <string>

namespace glance {

/// As throw_errno(); but that a file or directory of the catalog's own is missing or closed to us
/// has nothing to do with the names and rights of who asks: unavailable.
[[noreturn]] void throw_disk_errno(int errno_value, const std::string& what);

/// Calls until a signal does not interrupt it; returns what the call returns.
template <typename Call>
auto uninterrupted(Call&& call) {
  for (;;) {
    const auto result = call();
    if (result >= 0 || errno != EINTR) return result;
  }
}

}  // namespace glance
