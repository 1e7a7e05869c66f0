// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "catalog/os/directory.h"

namespace glance {

/// Tries whether the filesystem of a store's directory can do what a file store needs: flock(2),
/// hard links, and the modes of files. Does nothing where we may not write. Leaves nothing behind.
/// Errors: unsupported (names the filesystem, what it lacks and what is allowed), and Directory's.
void require_able_filesystem(const Directory& directory);

}  // namespace glance
