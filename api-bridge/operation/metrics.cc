// SPDX-License-Identifier: Apache-2.0
#include "api-bridge/operation/metrics.h"

#include <algorithm>
#include <array>
#include <string_view>

#include <fmt/format.h>
#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

namespace glance::api {
namespace {

using prometheus::BuildCounter;
using prometheus::BuildGauge;
using prometheus::BuildHistogram;

// From a lookup in memory to the upload of a large image.
const prometheus::Histogram::BucketBoundaries kSeconds = {
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300};

std::string method_label(std::string_view method) {
  constexpr std::array<std::string_view, 7> kKnown = {"GET",    "HEAD",  "POST",   "PUT",
                                                      "DELETE", "PATCH", "OPTIONS"};
  return std::ranges::find(kKnown, method) != kKnown.end() ? std::string(method) : "other";
}

std::string route_label(std::string_view route) {
  return route.empty() ? "none" : std::string(route);
}

double as_number(std::uint64_t value) {
  return static_cast<double>(value);
}

}  // namespace

struct Metrics::Series {
  prometheus::Registry registry;

  prometheus::Family<prometheus::Counter>& requests =
      BuildCounter()
          .Name("glance_api_requests_total")
          .Help("Requests by method, route and status; status 0: the client went away")
          .Register(registry);
  prometheus::Family<prometheus::Histogram>& durations =
      BuildHistogram()
          .Name("glance_api_request_duration_seconds")
          .Help("From a request's head to the last byte of its answer")
          .Register(registry);
  prometheus::Family<prometheus::Counter>& errors =
      BuildCounter()
          .Name("glance_api_errors_total")
          .Help("Requests that failed, by the kind of the failure")
          .Register(registry);

  prometheus::Counter& received = BuildCounter()
                                      .Name("glance_api_received_bytes_total")
                                      .Help("Bytes of requests' bodies")
                                      .Register(registry)
                                      .Add({});
  prometheus::Counter& sent = BuildCounter()
                                  .Name("glance_api_sent_bytes_total")
                                  .Help("Bytes of answers' bodies")
                                  .Register(registry)
                                  .Add({});
  prometheus::Gauge& uploads = BuildGauge()
                                   .Name("glance_api_uploads_in_flight")
                                   .Help("Uploads that have begun and not ended")
                                   .Register(registry)
                                   .Add({});
  prometheus::Gauge& connections = BuildGauge()
                                       .Name("glance_api_connections")
                                       .Help("Open connections")
                                       .Register(registry)
                                       .Add({});
  prometheus::Counter& refused = BuildCounter()
                                     .Name("glance_api_connections_refused_total")
                                     .Help("Connections closed because there were too many")
                                     .Register(registry)
                                     .Add({});
};

Metrics::Metrics() : series_(std::make_unique<Series>()) {}

Metrics::~Metrics() = default;

void Metrics::connection_opened() {
  series_->connections.Increment();
}

void Metrics::connection_closed() {
  series_->connections.Decrement();
}

void Metrics::connection_refused() {
  series_->refused.Increment();
}

void Metrics::upload_started() {
  series_->uploads.Increment();
}

void Metrics::upload_ended() {
  series_->uploads.Decrement();
}

void Metrics::bytes_moved(std::uint64_t received, std::uint64_t sent) {
  if (received > 0) series_->received.Increment(as_number(received));
  if (sent > 0) series_->sent.Increment(as_number(sent));
}

void Metrics::request_ended(const RequestRecord& record) {
  const auto method = method_label(record.request.method);
  const auto route = route_label(record.route);
  series_->requests
      .Add({{"method", method}, {"route", route}, {"status", fmt::format("{}", record.status)}})
      .Increment();
  const std::chrono::duration<double> seconds = record.time;
  series_->durations.Add({{"method", method}, {"route", route}}, kSeconds).Observe(seconds.count());
  if (!record.fault.empty()) {
    series_->errors.Add({{"kind", std::string(record.fault)}}).Increment();
  }
}

std::string Metrics::text() const {
  return prometheus::TextSerializer().Serialize(series_->registry.Collect());
}

}  // namespace glance::api
