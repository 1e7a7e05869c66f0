// SPDX-License-Identifier: Apache-2.0
#include "api-bridge/operation/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace glance::api {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

TEST(Metrics, CountRequestsByMethodRouteAndStatus) {
  Metrics metrics;
  Request request;
  request.method = "GET";
  metrics.request_ended({.request = request, .route = "images", .status = 200, .time = 2ms});
  metrics.request_ended({.request = request, .route = "images", .status = 200, .time = 20ms});
  const auto text = metrics.text();
  EXPECT_THAT(text, HasSubstr("glance_api_requests_total{method=\"GET\",route=\"images\","
                              "status=\"200\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("glance_api_request_duration_seconds_bucket{method=\"GET\","
                              "route=\"images\",le=\"0.0025\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("glance_api_request_duration_seconds_count{method=\"GET\","
                              "route=\"images\"} 2\n"));
  EXPECT_THAT(text, Not(HasSubstr("glance_api_errors_total{")));
}

TEST(Metrics, CountFailuresByKind) {
  Metrics metrics;
  const Request request;
  metrics.request_ended({.request = request, .status = 404, .fault = "not_found"});
  EXPECT_THAT(metrics.text(), HasSubstr("glance_api_errors_total{kind=\"not_found\"} 1\n"));
}

TEST(Metrics, LetNoClientInventLabels) {
  Metrics metrics;
  Request request;
  request.method = "BREW\"";
  metrics.request_ended({.request = request, .status = 501});
  EXPECT_THAT(metrics.text(), HasSubstr("{method=\"other\",route=\"none\",status=\"501\"} 1\n"));
}

TEST(Metrics, ShowWhatIsGoingOn) {
  Metrics metrics;
  metrics.connection_opened();
  metrics.connection_opened();
  metrics.connection_closed();
  metrics.connection_refused();
  metrics.upload_started();
  metrics.bytes_moved(10, 0);
  metrics.bytes_moved(0, 20);
  const auto text = metrics.text();
  EXPECT_THAT(text, HasSubstr("glance_api_connections 1\n"));
  EXPECT_THAT(text, HasSubstr("glance_api_connections_refused_total 1\n"));
  EXPECT_THAT(text, HasSubstr("glance_api_uploads_in_flight 1\n"));
  EXPECT_THAT(text, HasSubstr("glance_api_received_bytes_total 10\n"));
  EXPECT_THAT(text, HasSubstr("glance_api_sent_bytes_total 20\n"));
}

}  // namespace
}  // namespace glance::api
