// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace glance::api {

/// The reason phrase, in the words that Glance's clients know.
[[nodiscard]] std::string_view reason_of(int status) noexcept;

}  // namespace glance::api
