// SPDX-License-Identifier: Apache-2.0
#include "catalog/tool/findings.h"

#include <iostream>

#include <fmt/format.h>

#include "catalog/text/one_line.h"

namespace glance::tool {

void FindingPrinter::print(const Finding& finding) {
  ++counts_[finding.fault];
  std::string text = finding.text;
  if (finding.name) text = "'" + *finding.name + "': " + text;
  // Flushed, so that whoever watches a long scrub sees it at once.
  std::cout << fmt::format("{:<12} {}  {}", to_string(finding.fault), one_line(finding.subject),
                           one_line(text))
            << '\n'
            << std::flush;
}

std::size_t FindingPrinter::problems() const {
  std::size_t sum = 0;
  for (const auto& [fault, count] : counts_) {
    if (fault != Fault::unverifiable) sum += count;
  }
  return sum;
}

void FindingPrinter::print_summary() const {
  const std::size_t sum = problems();
  std::string text =
      sum == 0 ? "no problems" : fmt::format("{} problem{}", sum, sum > 1 ? "s" : "");
  std::string separator = sum == 0 ? "; " : ": ";
  for (const auto& [fault, count] : counts_) {
    text += fmt::format("{}{} {}", separator, count, to_string(fault));
    separator = ", ";
  }
  std::cout << text << '\n';
}

ExitCode FindingPrinter::exit_code() const {
  return problems() == 0 ? ExitCode::ok : ExitCode::problems;
}

}  // namespace glance::tool
