// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "api-bridge/http_server/observer.h"

namespace glance::api {

/// Counts what the server does, for Prometheus. Safe for concurrent use.
///
/// Labels come from fixed sets only: the routing table's patterns, the methods of the API, statuses
/// and kinds of failures, so that no client can make the numbers grow without bound.
class Metrics final : public ServerObserver {
 public:
  Metrics();
  ~Metrics() override;
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  void connection_opened() override;
  void connection_closed() override;
  void connection_refused() override;
  void upload_started() override;
  void upload_ended() override;
  void bytes_moved(std::uint64_t received, std::uint64_t sent) override;
  void request_ended(const RequestRecord& record) override;

  /// All of them in Prometheus' text format, version 0.0.4.
  [[nodiscard]] std::string text() const;

 private:
  struct Series;
  const std::unique_ptr<Series> series_;
};

}  // namespace glance::api
