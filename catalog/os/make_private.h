// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

namespace glance {

/// Makes the directory with those above it that are missing, each for its owner and group alone
/// (0750, whatever the umask). What is there already stays as it is. Errors: as throw_errno().
void make_private_directories(const std::filesystem::path& path);

/// Makes an empty file for its owner and group alone (0640, whatever the umask). What is there
/// already stays as it is. Errors: as throw_errno().
void make_private_file(const std::filesystem::path& path);

}  // namespace glance
