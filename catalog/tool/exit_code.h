// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

#include "catalog/base/error.h"

namespace glance::tool {

/// How glance-catalog ends; scripts rely on the numbers (docs/exit-codes.md).
enum class ExitCode {
  ok = 0,
  usage = 1,
  failure = 2,
  problems = 3,
  no_such_image = 4,
  refused = 5
};

struct ExitMeaning {
  ExitCode code;
  std::string_view text;
};

/// Every code with its meaning: the table that --help prints.
[[nodiscard]] std::span<const ExitMeaning> exit_meanings() noexcept;

/// The code for a failure that the catalog reports.
[[nodiscard]] ExitCode exit_code_of(Errc code) noexcept;

/// Ends the command with a message and a code of its own.
class Failure : public std::runtime_error {
 public:
  Failure(ExitCode code, const std::string& message) : std::runtime_error(message), code_(code) {}

  [[nodiscard]] ExitCode code() const noexcept { return code_; }

 private:
  ExitCode code_;
};

/// A call that cannot be understood.
class UsageError : public Failure {
 public:
  explicit UsageError(const std::string& message) : Failure(ExitCode::usage, message) {}
};

}  // namespace glance::tool
