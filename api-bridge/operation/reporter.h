// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string_view>

#include "api-bridge/http_server/observer.h"
#include "api-bridge/operation/bridge_config.h"
#include "api-bridge/operation/log_file.h"
#include "api-bridge/operation/metrics.h"
#include "catalog/base/log_limit.h"

namespace glance::api {

/// Where the program's messages, its access log and its numbers go. Safe for concurrent use.
class Reporter final : public ServerObserver {
 public:
  /// From now on spdlog writes where the configuration says. Throws Error that names a log which
  /// cannot be opened.
  explicit Reporter(const BridgeConfig& config);

  /// Opens the logs anew, as logrotate(8) wants it.
  void reopen_logs();

  [[nodiscard]] const Metrics& metrics() const noexcept { return metrics_; }

  void connection_opened() override { metrics_.connection_opened(); }
  void connection_closed() override { metrics_.connection_closed(); }
  void connection_refused() override;
  void accepting_failed(std::string_view why) override;
  void upload_started() override { metrics_.upload_started(); }
  void upload_ended() override { metrics_.upload_ended(); }
  void bytes_moved(std::uint64_t received, std::uint64_t sent) override {
    metrics_.bytes_moved(received, sent);
  }
  void request_ended(const RequestRecord& record) override;

 private:
  Metrics metrics_;
  const std::shared_ptr<LogFile> log_;
  const std::shared_ptr<LogFile> access_log_;  // the same as log_, or null
  LogLimit refusals_;
  LogLimit failures_;
};

}  // namespace glance::api
