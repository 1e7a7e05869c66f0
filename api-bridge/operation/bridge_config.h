// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "api-bridge/http_server/limits.h"
#include "api-bridge/http_server/server.h"

namespace glance::api {

/// What a SPEC says about the server, beside what catalog/config/config.h reads for every program.
/// Our own keys are in [glancefs]; the manual page glance-api-bridge(8) lists all of them.
struct BridgeConfig {
  ServerLimits limits;
  std::optional<TlsFiles> tls;
  bool wants_keystone = false;  ///< [paste_deploy] flavor
  bool allow_unauthenticated = false;
  bool metrics = true;
  bool debug = false;
  std::filesystem::path log_file;    ///< empty: standard error
  std::filesystem::path access_log;  ///< empty: with the other messages
  bool log_accesses = true;
};

/// Reads what `spec` says; a SPEC that is no file says nothing. Errors: invalid (file, line, key
/// and what is allowed), and those of open(2).
[[nodiscard]] BridgeConfig read_bridge_config(const std::string& spec);

}  // namespace glance::api
