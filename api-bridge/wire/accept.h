// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace glance::api {

/// How well an Accept header likes a media type: the weight that its most specific element which
/// matches gives it; 0 where none does.
[[nodiscard]] double preference(std::string_view accept, std::string_view type);

}  // namespace glance::api
