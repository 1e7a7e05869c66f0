// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <exception>
#include <string_view>

namespace glance::api {

/// The kind of a failure, for metrics: an Errc by its name, an HttpError by what its status means
/// in the same words, `unforeseen` for anything else. One of a small, fixed set.
[[nodiscard]] std::string_view fault_kind(const std::exception_ptr& failure) noexcept;

}  // namespace glance::api
