// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include <spdlog/pattern_formatter.h>

namespace glance {

/// The formatter of every log: spdlog's pattern, with the message (`%v`) through one_line(), so
/// that no call of the log has to think of what names, requests and errors may hold.
[[nodiscard]] std::unique_ptr<spdlog::pattern_formatter> log_format(
    const std::string& pattern, const std::string& line_end = spdlog::details::os::default_eol);

}  // namespace glance
