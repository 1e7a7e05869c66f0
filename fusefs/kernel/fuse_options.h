// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "fusefs/base/mount_options.h"

namespace glance::fs {

/// The `-o` of a mount as libfuse wants it.
[[nodiscard]] std::string fuse_option_list(const Invocation& invocation);

}  // namespace glance::fs
