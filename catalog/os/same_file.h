// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "catalog/os/directory.h"

namespace glance {

/// Whether the name means that open file, or one with the same bytes: some filesystems (sshfs) give
/// the several names of a file numbers of their own. Reads both only where the numbers differ and
/// the sizes do not. Errors: those of Directory and File; not_found (the name is no regular
/// file's).
[[nodiscard]] bool is_same_file(const Directory& directory, const std::string& name,
                                const File& file);

}  // namespace glance
