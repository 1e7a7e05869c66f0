// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <map>

#include "catalog/consistency.h"
#include "catalog/tool/exit_code.h"

namespace glance::tool {

/// Prints findings, one line each, and counts them.
class FindingPrinter {
 public:
  /// `FAULT  ID or URL  what is wrong`, on the standard output.
  void print(const Finding& finding);

  /// `2 problems: 1 missing, 1 orphan`, or `no problems`, and what could not be verified.
  void print_summary() const;

  /// problems, if there are any; what cannot be verified is none.
  [[nodiscard]] ExitCode exit_code() const;

 private:
  [[nodiscard]] std::size_t problems() const;

  std::map<Fault, std::size_t> counts_;
};

}  // namespace glance::tool
