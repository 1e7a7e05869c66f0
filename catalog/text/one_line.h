// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace glance {

/// The text as one line that terminals and logs can be trusted with. Names, requests and files may
/// hold anything; none of it may forge a line of a log, drive a terminal or deceive the eye.
/// Control characters (U+0080 to U+009F too), format characters (direction marks, zero width
/// spaces, line separators), code points without a character and bytes that are not UTF-8 are
/// written as `\n`,
/// `\t`, `\r`, `\x1b` or `\u{202e}`, and a backslash as `\\`, so that the text can be told from its
/// escapes. The only place that knows what is printable; whatever shows foreign text goes through
/// it once. Safe for concurrent use, whatever the locale is.
[[nodiscard]] std::string one_line(std::string_view text);

/// How many columns of a terminal a result of one_line() takes: wide characters take two, combining
/// ones none.
[[nodiscard]] std::size_t columns(std::string_view line);

/// A JSON text with what one_line() would escape within its strings escaped as JSON has it
/// (`\u009b`): the same values for programs, and nothing that drives a terminal. `json` must be
/// well-formed.
[[nodiscard]] std::string printable_json(std::string_view json);

}  // namespace glance
