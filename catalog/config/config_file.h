// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "catalog/config/config.h"

namespace glance {

/// Reads a glance-api.conf, in oslo.config's INI dialect. Unknown keys are ignored: operators'
/// files are full of them. Errors: as read_spec().
[[nodiscard]] Config read_config_file(const std::filesystem::path& path);

}  // namespace glance
