// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace glance::api {

/// A Content-Disposition that offers a download under `name` (RFC 6266): plain ASCII for old
/// clients, and RFC 8187's UTF-8 form where that loses something. What has a meaning in paths and
/// whatever is not printable becomes `_`; a name of which nothing is left becomes `fallback`, which
/// must need none of this.
[[nodiscard]] std::string attachment(std::string_view name, std::string_view fallback);

}  // namespace glance::api
