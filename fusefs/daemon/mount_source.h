// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace glance::fs {

/// What the mount table shall show as the source of a mount of SPEC: SPEC as written, or `mount -a`
/// would not find its fstab line there and mount a second time. A relative path is made absolute,
/// as mount(8) does itself where the path exists.
/// Error: StartFailure, if SPEC is a URL with a password: everyone could read it.
[[nodiscard]] std::string mount_source(const std::string& spec);

/// Whether a SPEC is a URL that carries a password, as user information or in its query.
[[nodiscard]] bool holds_password(std::string_view spec);

}  // namespace glance::fs
