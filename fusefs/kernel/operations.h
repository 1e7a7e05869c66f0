// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "fusefs/kernel/libfuse.h"

namespace glance::fs {

/// The callbacks of a session whose user data is a Filesystem: each unpacks a request, calls the
/// Filesystem and replies exactly once. For libfuse's threads; none of them throws.
[[nodiscard]] fuse_lowlevel_ops make_operations();

}  // namespace glance::fs
