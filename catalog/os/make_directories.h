// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

namespace glance {

/// Makes the directory and what is missing on the way to it, mode 0750: what a catalog keeps is not
/// everybody's to read. What is there stays as it is. Errors: those of throw_errno(), naming the
/// path.
void make_directories(const std::filesystem::path& path);

}  // namespace glance
