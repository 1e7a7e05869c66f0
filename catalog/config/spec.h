// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "catalog/config/config.h"

namespace glance {

/// Reads a SPEC, the grammar that every program shares:
///  - a path to a file: a glance-api.conf;
///  - a path to a directory: the embedded default, `glance.sqlite` and `images/` inside it;
///  - a database URL (`sqlite:////…`): the store from Glance's defaults.
/// With `create`, a path that does not exist is taken for a directory to be made by the caller.
/// Errors: not_found (names the path), invalid (file, line, key and what is allowed),
/// unsupported (a URL scheme that this build cannot open).
[[nodiscard]] Config read_spec(const std::string& spec, bool create);

/// Where on this machine the catalog keeps its things: the database's file, the store's directory.
[[nodiscard]] std::vector<std::filesystem::path> local_paths(const Config& config);

}  // namespace glance
