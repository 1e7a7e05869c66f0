// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "catalog/config/config.h"
#include "catalog/config/config_reader.h"

namespace glance {

/// Reads where data lie: `[glance_store]`, or with `enabled_backends` the section of the default
/// store. Errors: invalid, unsupported (stores of other types).
void read_store(const ConfigReader& reader, Config& config);

/// Where data wait for their import if nothing is configured: in the store's own directory.
/// Glance's default, /tmp/staging, is anybody's to make.
[[nodiscard]] std::filesystem::path default_staging(const std::filesystem::path& datadir);

/// Reads where data wait for their import; after read_store(). Error: invalid.
void read_staging(const ConfigReader& reader, Config& config);

}  // namespace glance
