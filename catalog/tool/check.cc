// SPDX-License-Identifier: Apache-2.0
#include <iostream>
#include <thread>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "catalog/tool/command.h"
#include "catalog/tool/findings.h"
#include "catalog/tool/images.h"
#include "catalog/upload/instance.h"

namespace glance::tool {

namespace {

/// Once more, when it can be told whether the writers of other machines live: no door may be
/// running that would look again.
RecoveryReport recover_undecided(Catalog& catalog, const RecoveryReport& before, bool quiet) {
  using std::chrono::seconds;
  if (!quiet) {
    std::cout << fmt::format(
                     "recovery: {} uploads may have a writer on another machine; looking again in "
                     "{} seconds\n",
                     before.undecided, std::chrono::ceil<seconds>(Instance::kSilence).count())
              << std::flush;
  }
  std::this_thread::sleep_for(Instance::kSilence);
  auto report = catalog.recover();
  report.published += before.published;
  report.discarded += before.discarded;
  report.removed += before.removed;
  return report;
}

void recover(Catalog& catalog, bool quiet) {
  // What recovery does it says in its log, image by image.
  if (!quiet) spdlog::default_logger()->set_level(spdlog::level::info);
  auto report = catalog.recover();
  if (report.undecided > 0) report = recover_undecided(catalog, report, quiet);
  spdlog::default_logger()->set_level(spdlog::level::err);
  if (quiet) return;
  std::cout << fmt::format(
      "recovery: {} uploads published, {} taken back, data of {} deleted images removed\n",
      report.published, report.discarded, report.removed);
}

ExitCode check(const Invocation& invocation) {
  const auto catalog = open_catalog(invocation);
  const bool quiet = invocation.has("quiet");
  if (!invocation.has("dry-run")) recover(*catalog, quiet);
  FindingPrinter findings;
  catalog->check([&](const Finding& finding) { findings.print(finding); });
  if (!quiet) findings.print_summary();
  return findings.exit_code();
}

}  // namespace

Command make_check() {
  Command command{.name = "check",
                  .operands = "",
                  .summary =
                      "Finish or take back what dead programs left behind, as the daemons "
                      "do when\n  they start; then report what is inconsistent.",
                  .arguments = {0, 0},
                  .options = {},
                  .run = check};
  command.options.add_options()                                      //
      ("dry-run", "change nothing, but report what is left behind")  //
      ("quiet", "print only what is wrong");
  return command;
}

}  // namespace glance::tool
