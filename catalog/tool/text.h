// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace glance::tool {

/// `999 B`, `2.1 MB`: powers of 1000, as disks are sold and rates are told.
[[nodiscard]] std::string human_size(std::uint64_t bytes);

/// `0:07`, `12:34`, `3:00:00`.
[[nodiscard]] std::string human_duration(std::uint64_t seconds);

}  // namespace glance::tool
