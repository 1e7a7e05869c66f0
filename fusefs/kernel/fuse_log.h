// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace glance::fs {

/// From here on libfuse's messages go to our log.
void take_fuse_log();

}  // namespace glance::fs
