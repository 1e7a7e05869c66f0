// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "catalog/base/error.h"

namespace glance::fs {

/// The mount's word for every Errc: the one table.
[[nodiscard]] int errno_of(Errc code) noexcept;

/// Throws a std::system_error: for an errno that has no word in the catalog.
[[noreturn]] void fail(int error, const std::string& why);

/// The errno for the exception that is being handled: Error by the table above,
/// std::system_error by its own code, anything else EIO, with a line in the log.
/// `operation` is for that line.
[[nodiscard]] int errno_of_current_exception(const char* operation) noexcept;

}  // namespace glance::fs
