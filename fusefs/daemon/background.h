// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>

#include "fusefs/daemon/start_failure.h"

namespace glance::fs {

/// Tells the process that started the daemon how the start went. Either verb ends the
/// conversation.
class StartReport {
 public:
  virtual ~StartReport() = default;
  virtual void ready() = 0;
  virtual void failed(ExitCode code, const std::string& why) = 0;
};

/// Runs `daemon` in a child process in a session of its own, away from the terminal, and waits
/// until it reports; the value of `daemon` is the child's exit status. SIGINT, SIGTERM and SIGHUP
/// meanwhile end the child as well, and this returns only when it is gone.
/// Must be called before the first thread is started. Errors: StartFailure with what the child
/// reported, also when it died silently; io.
void run_in_background(const std::function<int(StartReport&)>& daemon);

}  // namespace glance::fs
