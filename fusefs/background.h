// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>

namespace glance::fs {

/// Tells the process that started the daemon how the start went. Either verb ends the
/// conversation.
class StartReport {
 public:
  virtual ~StartReport() = default;
  virtual void ready() = 0;
  virtual void failed(const std::string& why) = 0;
};

/// Runs `daemon` in a child process in a session of its own, and waits until it reports.
/// Must be called before the first thread is started. Returns nothing wrong as "", else the
/// reason, also when the child died silently.
[[nodiscard]] std::string run_in_background(const std::function<void(StartReport&)>& daemon);

}  // namespace glance::fs
