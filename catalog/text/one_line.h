// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace glance {

/// The text as one line that terminals and logs can be trusted with: control characters (line ends
/// and escape sequences, U+0080 to U+009F too) and bytes that are not UTF-8 are written as `\n`,
/// `\t` or `\x1b`. Image names and file names may hold anything; a name must not be able to forge a
/// line of a log. For eyes only: a backslash stays, so there is no way back.
[[nodiscard]] std::string one_line(std::string_view text);

}  // namespace glance
