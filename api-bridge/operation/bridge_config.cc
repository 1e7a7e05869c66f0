// SPDX-License-Identifier: Apache-2.0
#include "api-bridge/operation/bridge_config.h"

#include <cstdint>
#include <string_view>

#include "catalog/base/error.h"
#include "catalog/config/config_reader.h"
#include "catalog/config/oslo_config.h"

namespace glance::api {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kOurs = "glancefs";

/// Glance's keys, and ours, which says more and counts more.
void read_patience(const ConfigReader& reader, ServerLimits& limits) {
  constexpr auto kMax = std::chrono::seconds(kForever).count();
  constexpr std::int64_t kMaxProbe = 32'767;  // tcp(7): MAX_TCP_KEEPIDLE
  auto timeout = std::chrono::duration_cast<std::chrono::seconds>(limits.body_window).count();
  reader.number<std::int64_t>({"DEFAULT", "client_socket_timeout"}, 0, kMax, timeout);
  limits.body_window = timeout > 0 ? std::chrono::seconds(timeout) : std::chrono::seconds(kForever);
  reader.seconds({kOurs, "body_grace"}, 1, limits.body_window);
  auto probe = limits.probe_time.count();
  reader.number<std::int64_t>({"DEFAULT", "tcp_keepidle"}, 1, kMaxProbe, probe);
  limits.probe_time = std::chrono::seconds(probe);
}

void read_limits(const ConfigReader& reader, ServerLimits& limits) {
  constexpr std::size_t kKiB = 1024;
  constexpr std::size_t kMaxHead = 1024 * kKiB;
  constexpr std::size_t kMaxBody = std::size_t{64} * 1024 * kKiB;
  constexpr std::size_t kMaxDepth = 1000;
  constexpr std::size_t kMaxFields = 10'000;
  constexpr std::size_t kMaxConnections = 1'000'000;
  reader.number({kOurs, "max_header_size"}, kKiB, kMaxHead, limits.head_bytes);
  reader.number({kOurs, "max_uri_size"}, kKiB, kMaxHead, limits.target_bytes);
  reader.number({kOurs, "max_json_size"}, kKiB, kMaxBody, limits.buffered_body_bytes);
  reader.number({kOurs, "max_json_depth"}, std::size_t{1}, kMaxDepth, limits.json_depth);
  reader.number({kOurs, "max_header_fields"}, std::size_t{1}, kMaxFields, limits.head_fields);
  reader.number({kOurs, "max_connections"}, std::size_t{1}, kMaxConnections, limits.connections);
  reader.number({kOurs, "max_handshakes"}, std::size_t{1}, kMaxConnections, limits.handshakes);
  reader.seconds({kOurs, "header_timeout"}, 1, limits.head_time);
  reader.seconds({kOurs, "keepalive_timeout"}, 1, limits.idle_time);
  read_patience(reader, limits);
  reader.number({kOurs, "min_body_rate"}, std::uint64_t{0}, std::uint64_t{1} << 30,
                limits.body_rate);
  reader.seconds({kOurs, "drain_timeout"}, 0, limits.stop_time);
}

/// Both or neither.
void read_tls(const ConfigReader& reader, BridgeConfig& config) {
  const ConfigOption certificate{"DEFAULT", "cert_file"};
  const ConfigOption key{"DEFAULT", "key_file"};
  const auto* first = reader.find(certificate);
  const auto* second = reader.find(key);
  const bool has_first = first != nullptr && !first->text.empty();
  const bool has_second = second != nullptr && !second->text.empty();
  if (has_first && has_second) config.tls = TlsFiles{first->text, second->text};
  if (has_first == has_second) return;
  const auto& [option, value] = has_first ? std::pair(certificate, first) : std::pair(key, second);
  throw Error(Errc::invalid, reader.place(option, *value) +
                                 " cert_file and key_file belong together; allowed: both, neither");
}

void read_flavor(const ConfigReader& reader, BridgeConfig& config) {
  const auto* value = reader.find({"paste_deploy", "flavor"});
  config.wants_keystone = value != nullptr && value->text.find("keystone") != std::string::npos;
}

/// oslo.log's rules: a relative log_file lies in log_dir; log_dir alone names a file by the
/// program.
void read_log_file(const ConfigReader& reader, BridgeConfig& config) {
  const auto text_of = [&reader](std::string_view key) {
    const auto* value = reader.find({"DEFAULT", key});
    return value != nullptr ? fs::path(value->text) : fs::path();
  };
  const auto directory = text_of("log_dir");
  const auto file = text_of("log_file");
  if (!file.empty()) config.log_file = directory / file;
  if (file.empty() && !directory.empty()) config.log_file = directory / "glance-api-bridge.log";
  reader.flag({"DEFAULT", "debug"}, config.debug);
}

void read_access_log(const ConfigReader& reader, BridgeConfig& config) {
  const ConfigOption option{kOurs, "access_log"};
  const auto* value = reader.find(option);
  if (value == nullptr || value->text.empty()) return;
  if (value->text == "off") {
    config.log_accesses = false;
  } else if (value->text.starts_with('/')) {
    config.access_log = value->text;
  } else {
    reader.refuse(option, *value, "a place for the access log", "/PATH, off");
  }
}

}  // namespace

BridgeConfig read_bridge_config(const std::string& spec) {
  BridgeConfig config;
  if (!fs::is_regular_file(spec)) return config;
  const OsloConfig file = OsloConfig::read(spec);
  const ConfigReader reader(file);
  read_limits(reader, config.limits);
  read_tls(reader, config);
  read_flavor(reader, config);
  read_log_file(reader, config);
  read_access_log(reader, config);
  reader.flag({kOurs, "allow_unauthenticated"}, config.allow_unauthenticated);
  reader.flag({kOurs, "metrics"}, config.metrics);
  return config;
}

}  // namespace glance::api
